// A site of somebody else, on another origin: one page with the WHIP and WHEP clients that others wrote, and with ours
// imported across origins. What a package ships for bundlers is put together here, unchanged.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire, isBuiltin } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';

export interface OtherSite {
  readonly url: string;
  close(): Promise<void>;
}

/** What the page has as `globalThis.clients` when it is loaded. */
export interface Clients {
  readonly eyevinn: typeof import('@eyevinn/whip-web-client') & typeof import('@eyevinn/webrtc-player');
  readonly binbat: typeof import('@binbat/whip-whep/whip.js') & typeof import('@binbat/whip-whep/whep.js');
  readonly fanlight: typeof import('../../../static/whip-client.js') & typeof import('../../../static/whep-client.js');
}

const require = createRequire(import.meta.url);
/** The advertisement manager of the player: needed only when there are advertisements, and made for Node as it is. */
const LEFT_OUT = ['@eyevinn/csai-manager'];

/** @param fanlight origin of the server that our own modules come from */
export async function startOtherSite(fanlight: string): Promise<OtherSite> {
  const files = new Map([
    ['/', ['text/html', page(fanlight)]],
    ['/eyevinn.js', ['text/javascript', joinModules(['@eyevinn/whip-web-client', '@eyevinn/webrtc-player'])]],
    ['/whip.js', ['text/javascript', readFileSync(require.resolve('@binbat/whip-whep/whip.js'), 'utf8')]],
    ['/whep.js', ['text/javascript', readFileSync(require.resolve('@binbat/whip-whep/whep.js'), 'utf8')]],
  ]);
  const server = createServer((request, response) => {
    const [type, text] = files.get(request.url ?? '') ?? [];
    if (text === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'Content-Type': `${type}; charset=utf-8` }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Opens the site; its clients are there when this resolves. */
export async function visit(page: Page, site: OtherSite): Promise<void> {
  await page.goto(site.url);
  await page.waitForFunction(() => 'clients' in globalThis);
}

function page(fanlight: string): string {
  return `<!doctype html>
<title>Another site</title>
<video id="video" muted autoplay playsinline></video>
<script src="/eyevinn.js"></script>
<script type="module">
  import { WHIPClient } from '/whip.js';
  import { WHEPClient } from '/whep.js';
  import { WhipClient } from '${fanlight}/static/whip-client.js';
  import { WhepClient } from '${fanlight}/static/whep-client.js';
  globalThis.clients = { eyevinn, binbat: { WHIPClient, WHEPClient }, fanlight: { WhipClient, WhepClient } };
</script>`;
}

/** CommonJS packages and what they require as one classic script, which leaves all they export in `eyevinn`. */
function joinModules(packages: readonly string[]): string {
  const modules = new Map<string, string>();
  const add = (specifier: string, from: NodeJS.Require): string => {
    // A package that stands in for a module of Node is reached by the slash.
    const file = LEFT_OUT.includes(specifier)
      ? specifier
      : from.resolve(isBuiltin(specifier) ? `${specifier}/` : specifier);
    if (modules.has(file)) return file;
    modules.set(file, '');
    const source = LEFT_OUT.includes(file)
      ? ''
      : readFileSync(file, 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '');
    const inside = createRequire(file === specifier ? import.meta.url : file);
    const linked = source.replace(
      /\brequire\(["']([^"']+)["']\)/g,
      (_all, wanted) => `require(${JSON.stringify(add(wanted, inside))})`,
    );
    modules.set(file, linked);
    return file;
  };
  const entries = packages.map((name) => add(name, require));
  const table = [...modules].map(
    ([file, source]) => `${JSON.stringify(file)}: (require, module, exports) => {\n${source}\n}`,
  );
  return `var eyevinn = (() => {
const sources = {\n${table.join(',\n')}\n};
const loaded = {};
const load = (file) => {
  if (!loaded[file]) {
    loaded[file] = { exports: {} };
    sources[file](load, loaded[file], loaded[file].exports);
  }
  return loaded[file].exports;
};
return Object.assign({}, ...${JSON.stringify(entries)}.map((entry) => ({ ...load(entry) })));
})();`;
}
