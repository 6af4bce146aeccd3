// How `cargo xtask console` builds the page: everything into the directory that the daemon embeds, nothing inline.
import { defineConfig } from 'vite';

export default defineConfig({
  // Relative, so that a proxy may serve the admin listener below another path.
  base: './',
  build: {
    outDir: '../crates/invoked-api/console',
    emptyOutDir: true,
    target: 'es2022',
    // `light-dark()` and ranges in media queries, as they are written.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    sourcemap: false,
    // `script-src 'self'` and `style-src 'self'`: nothing may end up in the document itself.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    // `npm run dev` beside `invoked dev`.
    proxy: { '/v1': 'http://127.0.0.1:7071' },
  },
});
