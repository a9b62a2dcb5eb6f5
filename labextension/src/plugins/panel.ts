import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { Api } from '../api/client';
import { serverFetch } from '../api/request';
import type { IMemory } from '../model/follower';
import { Links } from '../model/links';
import { PanelModel, type Tab, type View } from '../model/panel';
import { IPerdure } from '../tokens';
import { PanelWidget } from '../view/panel';

const PLACE = 'perdure:place';
const SESSIONS = 'perdure:sessions';
/** Notebooks whose session is remembered. */
const MOST = 200;

interface IPlace {
  session: string;
  tab: Tab;
  view: View;
}

/** Which session each notebook had last, in JupyterLab's own state. */
class Memory implements IMemory {
  constructor(private readonly _state: IStateDB) {}

  async session(path: string): Promise<string | null> {
    return (await this._known())[path] ?? null;
  }

  remember(path: string, session: string): void {
    void this._known().then(known => {
      if (known[path] === session) {
        return undefined;
      }
      // Added at the end; the oldest go first.
      const others = Object.entries(known).filter(([other]) => other !== path);
      const kept = Object.fromEntries([...others, [path, session]].slice(-MOST)) as Record<string, string>;
      this._loaded = Promise.resolve(kept);
      return this._state.save(SESSIONS, kept);
    });
  }

  private _known(): Promise<Record<string, string>> {
    this._loaded ??= this._state.fetch(SESSIONS).then(
      known => ({ ...((known ?? {}) as Record<string, string>) }),
      () => ({})
    );
    return this._loaded;
  }

  private _loaded: Promise<Record<string, string>> | null = null;
}

/** The panel in the side bar. */
export const panelPlugin: JupyterFrontEndPlugin<PanelModel> = {
  id: 'perdure:panel',
  description:
    'Shows the versions of the current notebook’s session, its branches, and the answers to image questions.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ILabShell, ILayoutRestorer, IStateDB, ITranslator],
  provides: IPerdure,
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    state: IStateDB | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('perdure');
    const settings = app.serviceManager.serverSettings;
    const links = new Links(tracker);
    const model = new PanelModel(
      new Api(serverFetch(settings)),
      settings,
      trans,
      links,
      state ? new Memory(state) : undefined
    );
    const widget = new PanelWidget(model);
    app.shell.add(widget, 'right', { rank: 900, type: 'Versions' });
    restorer?.add(widget, widget.id);

    const look = (): void => {
      model.follower.visible = widget.isVisible && !document.hidden;
    };
    document.addEventListener('visibilitychange', look);
    labShell?.layoutModified.connect(look);
    look();

    const follow = (): void => model.follower.follow(tracker.currentWidget ? links.of(tracker.currentWidget) : null);
    const start = (): void => {
      tracker.currentChanged.connect(follow);
      follow();
    };
    if (!state) {
      start();
      return model;
    }
    // The same version is looked at after the page has been loaded anew.
    void Promise.all([state.fetch(PLACE), app.restored])
      .then(([place]) => {
        const known = place as unknown as IPlace | undefined;
        if (known?.session) {
          model.place = known;
          model.tab = known.tab;
        }
      })
      .catch(() => undefined)
      .finally(start);
    let last = '';
    model.stateChanged.connect(() => {
      const session = model.follower.session?.id;
      if (!session) {
        return;
      }
      const place: IPlace = { session, tab: model.tab, view: model.view };
      const text = JSON.stringify(place);
      if (text !== last) {
        last = text;
        void state.save(PLACE, place as unknown as ReadonlyPartialJSONObject);
      }
    });
    return model;
  }
};
