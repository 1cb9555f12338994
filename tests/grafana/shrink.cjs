// Writes a PNG again with a palette: node shrink.cjs NODE IN OUT.
const fs = require('node:fs');
const path = require('node:path');
const {createRequire} = require('node:module');

const [modules, from, to] = process.argv.slice(2);
const UPNG = createRequire(path.resolve(modules, 'here'))('upng-js');
const image = UPNG.decode(fs.readFileSync(from));
const pixels = UPNG.toRGBA8(image);
fs.writeFileSync(to, Buffer.from(UPNG.encode(pixels, image.width, image.height, 64)));
