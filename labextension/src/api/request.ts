/** The client's way to this JupyterLab's own server, with its token and cookies. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { Fetch } from './client';

const BASE = 'perdure/api';

export function serverFetch(settings: ServerConnection.ISettings): Fetch {
  return async path => {
    const response = await ServerConnection.makeRequest(URLExt.join(settings.baseUrl, BASE, path), {}, settings);
    return { status: response.status, text: await response.text() };
  };
}

/** Where the thumbnail of an answer's picture is. */
export function pictureUrl(settings: ServerConnection.ISettings, answer: string, picture: number): string {
  const url = URLExt.join(settings.baseUrl, BASE, 'cot/answers', encodeURIComponent(answer), 'pictures', `${picture}`);
  // An <img> sends cookies but no header, so a token has to stand in the address.
  return settings.appendToken && settings.token ? `${url}?token=${encodeURIComponent(settings.token)}` : url;
}
