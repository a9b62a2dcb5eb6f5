/** One notebook and its kernel: what the kernel tells about its session, and what it is asked to do. */

import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { JSONObject, JSONValue } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

const TARGET = 'perdure';
/** Milliseconds for which an answer is waited for, before it is asked again. */
const PATIENCE = 3000;

/** The session that a kernel has open. */
export interface IAttached {
  session: string;
  store: string;
}

/** What has happened to a link. */
export type LinkEvent = 'attached' | 'saving' | 'commit' | 'trouble' | 'status' | 'lost' | 'back';

/** Something that the kernel refused or could not do. */
export class KernelError extends Error {
  constructor(
    readonly kind: string,
    message: string
  ) {
    super(message);
    this.name = 'KernelError';
  }
}

export class NotebookLink implements IDisposable {
  constructor(readonly panel: NotebookPanel) {
    const context = panel.sessionContext;
    context.kernelChanged.connect(this._onKernel, this);
    context.statusChanged.connect(this._onStatus, this);
    panel.context.pathChanged.connect(this._onPath, this);
    panel.disposed.connect(this.dispose, this);
    this._bind(context.session?.kernel ?? null);
  }

  /** Something about it is new. */
  get changed(): ISignal<this, LinkEvent> {
    return this._changed;
  }

  /** The notebook's path, below the root of the server. */
  get path(): string {
    return this.panel.context.localPath;
  }

  get kernel(): Kernel.IKernelConnection | null {
    return this.panel.sessionContext.session?.kernel ?? null;
  }

  /** Whether the kernel runs something, so that whatever it is asked has to wait. */
  get busy(): boolean {
    return this.kernel?.status === 'busy';
  }

  get alive(): boolean {
    const status = this.kernel?.status;
    return status !== undefined && status !== 'dead' && status !== 'terminating';
  }

  /** Wait for a kernel that is just being started, ten seconds at most. */
  async started(): Promise<void> {
    const { sessionContext } = this.panel;
    if (!this.kernel) {
      await Promise.race([sessionContext.ready, new Promise(resolve => setTimeout(resolve, 10_000))]);
    }
  }

  /** The kernel's session; null as long as it hasn't told of any. */
  get attached(): IAttached | null {
    return this._attached;
  }

  /** The session of the kernel that has ended, until it is back. */
  get lost(): IAttached | null {
    return this._lost;
  }

  get saving(): boolean {
    return this._saving;
  }

  /** Why the session isn't durable, if it isn't. */
  get trouble(): string | null {
    return this._trouble;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    if (this._disposed) {
      return;
    }
    this._disposed = true;
    Signal.clearData(this);
  }

  /**
   * Ask the kernel whether it has a session. One that doesn't know perdure closes the comm, and is not asked again; one that says
   * nothing, because the connection was just being made, is.
   */
  ask(): void {
    const kernel = this.kernel;
    const ready = kernel?.connectionStatus === 'connected' && (kernel.status === 'idle' || kernel.status === 'busy');
    if (!kernel || !ready || this._attached || this._refused === kernel.id || !kernel.handleComms) {
      return;
    }
    const now = Date.now();
    if (now - this._asked < PATIENCE) {
      return;
    }
    this._asked = now;
    const comm = kernel.createComm(TARGET);
    this._listen(comm);
    comm.onClose = () => {
      if (!this._attached) {
        this._refused = kernel.id;
      }
    };
    try {
      comm.open();
    } catch {
      this._asked = 0; // the connection has just gone; it is asked when it is there again
    }
  }

  /** Evaluate an expression in the kernel, behind whatever runs there, and return its `value`. */
  async evaluate(expression: string): Promise<JSONValue> {
    for (let attempt = 0; ; attempt++) {
      const kernel = this.kernel;
      if (!kernel || !this.alive) {
        throw new KernelError('NoKernel', '');
      }
      const future = kernel.requestExecute({
        code: '',
        silent: true,
        store_history: false,
        allow_stdin: false,
        stop_on_error: false,
        user_expressions: { perdure: expression }
      });
      let reply: KernelMessage.IExecuteReplyMsg;
      try {
        reply = (await future.done) as KernelMessage.IExecuteReplyMsg;
      } catch {
        throw new KernelError('KernelGone', '');
      }
      if (reply.content.status === 'ok') {
        return valueOf(reply.content.user_expressions);
      }
      // A cell before it failed, and the kernel dropped what was queued: nothing was done, so it can be asked again.
      if (reply.content.status === 'aborted' && attempt < 2) {
        continue;
      }
      const { ename, evalue } = reply.content as KernelMessage.IReplyErrorContent;
      throw new KernelError(ename ?? 'Aborted', evalue ?? '');
    }
  }

  /** Nobody wants the lost session back. */
  forget(): void {
    this._lost = null;
    this._changed.emit('status');
  }

  /** The kernel has a session now. */
  settle(attached: IAttached): void {
    this._attached = attached;
    // A kernel that loads perdure by itself begins a session of its own; the one that was lost can still be brought back.
    if (this._lost?.session === attached.session) {
      this._lost = null;
    }
    this._trouble = null;
    this._changed.emit('attached');
  }

  private _bind(kernel: Kernel.IKernelConnection | null): void {
    this._asked = 0;
    this._refused = null;
    if (kernel?.handleComms) {
      kernel.registerCommTarget(TARGET, (comm, message) => {
        this._listen(comm);
        this._hear(message.content.data as JSONObject);
      });
    }
  }

  private _listen(comm: Kernel.IComm): void {
    comm.onMsg = message => this._hear(message.content.data as JSONObject);
  }

  private _hear(data: JSONObject): void {
    switch (data?.kind) {
      case 'attached':
        this._saving = false;
        this.settle({ session: String(data.session), store: String(data.store ?? '') });
        return;
      case 'saving':
        this._saving = true;
        this._changed.emit('saving');
        return;
      case 'commit':
        this._saving = false;
        this._lost = null;
        this._trouble = null;
        this._changed.emit('commit');
        return;
      case 'moved':
        this._changed.emit('commit');
        return;
      case 'trouble':
        this._saving = false;
        this._trouble = String(data.message ?? '');
        this._changed.emit('trouble');
        return;
    }
  }

  private _onPath(): void {
    if (this._attached) {
      this._changed.emit('attached'); // the session goes on under the notebook's new name
    }
  }

  private _onKernel(): void {
    this._lose();
    this._bind(this.kernel);
    this._changed.emit('status');
  }

  private _onStatus(): void {
    const status = this.kernel?.status;
    if (status === 'restarting' || status === 'autorestarting' || status === 'dead' || status === 'terminating') {
      this._asked = 0;
      this._refused = null;
      this._lose();
    } else if ((status === 'idle' || status === 'starting') && this._lost && this._down) {
      this._down = false;
      if (status === 'starting') {
        // A kernel that was restarted by the server says nothing until it is asked something.
        void this.kernel?.requestKernelInfo().catch(() => undefined);
      }
      this._changed.emit('back');
    }
    this._changed.emit('status');
  }

  private _lose(): void {
    this._saving = false;
    this._trouble = null;
    if (this._attached) {
      this._lost = this._attached;
      this._attached = null;
      this._down = true;
      this._changed.emit('lost');
    }
  }

  private _attached: IAttached | null = null;
  private _lost: IAttached | null = null;
  private _down = false;
  private _saving = false;
  private _trouble: string | null = null;
  private _asked = 0;
  private _refused: string | null = null;
  private _disposed = false;
  private readonly _changed = new Signal<this, LinkEvent>(this);
}

/** What the expression gave, from the reply's `user_expressions`. */
function valueOf(expressions: JSONObject): JSONValue {
  const told = expressions?.perdure as JSONObject | undefined;
  if (told?.status === 'ok') {
    const data = (told.data as JSONObject)['application/json'] as JSONObject | undefined;
    return data?.value ?? null;
  }
  throw new KernelError(String(told?.ename ?? 'Error'), String(told?.evalue ?? ''));
}
