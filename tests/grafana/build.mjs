// Bundles draw.jsx: node build.mjs MODULES OUT, where MODULES is the directory that npm has filled.
import * as path from 'node:path';
import {readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {fileURLToPath} from 'node:url';

const [modules, out] = process.argv.slice(2).map((name) => path.resolve(name));
const {build} = createRequire(path.join(modules, 'here'))('esbuild');
const dataurl = Object.fromEntries(
  ['svg', 'png', 'gif', 'woff', 'woff2', 'ttf', 'eot'].map((end) => ['.' + end, 'dataurl'])
);

// Babel has compiled it, and @grafana/ui imports its default from an .mjs file: there esbuild, as
// Node does, gives all that is exported.
const scrollbars = {
  name: 'scrollbars',
  setup: ({onLoad}) =>
    onLoad({filter: /react-custom-scrollbars-2\/lib\/index\.js$/}, async ({path: name}) => ({
      contents: `${await readFile(name, 'utf8')}\nmodule.exports = exports.default;`,
    })),
};

await build({
  absWorkingDir: path.dirname(fileURLToPath(import.meta.url)),
  entryPoints: ['draw.jsx'],
  outfile: path.join(out, 'draw.js'),
  nodePaths: [modules],
  bundle: true,
  format: 'iife',
  platform: 'browser',
  // What Grafana's packages find in a bundle made by webpack.
  define: {'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'window'},
  loader: dataurl,
  plugins: [scrollbars],
  mainFields: ['browser', 'module', 'main'],
  jsx: 'automatic',
  minify: true,
  logLevel: 'error',
});
