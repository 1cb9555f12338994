// What is seen of the panels: run in the page after draw().
const box = (element) => {
  const {left, top, right, bottom} = element.getBoundingClientRect();
  return [left, top, right, bottom].map((edge) => Math.round(edge));
};
// Text that does not fit: it begins or ends beside a box around it that shows no more, or ends in
// dots, whose box is narrower than what it scrolls.
const words = (tile) => {
  const walker = document.createTreeWalker(tile, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    found.push(walker.currentNode);
  }
  return found.filter((node) => node.textContent.trim());
};
const clipped = (tile) =>
  words(tile)
    .filter((node) => {
      const range = document.createRange();
      range.selectNodeContents(node);
      const {left, right} = range.getBoundingClientRect();
      const {scrollWidth, clientWidth} = node.parentElement;
      if (getComputedStyle(node.parentElement).overflowX === 'hidden' && scrollWidth > clientWidth) {
        return true;
      }
      for (let at = node.parentElement; at !== tile; at = at.parentElement) {
        const around = at.getBoundingClientRect();
        const hides = getComputedStyle(at).overflowX !== 'visible';
        if (hides && (left < around.left - 1 || right > around.right + 1)) {
          return true;
        }
      }
      return false;
    })
    .map((node) => node.textContent);
const cells = (row) =>
  [...row.querySelectorAll('[role="cell"], [role="columnheader"]')].map((cell) => {
    const painted = [cell, ...cell.querySelectorAll('*')];
    return {
      text: cell.textContent,
      background: getComputedStyle(cell).backgroundColor,
      color: getComputedStyle(painted.at(-1)).color,
    };
  });
return [...document.querySelectorAll('[data-panel]')].map((tile) => ({
  title: tile.dataset.panel,
  type: tile.dataset.type,
  box: box(tile),
  text: tile.innerText,
  error: tile.querySelector('[data-error]')?.textContent ?? '',
  nothing: tile.querySelector('[data-nothing]')?.textContent ?? '',
  clipped: clipped(tile),
  values: [...tile.querySelectorAll('[data-value]')].map((each) => ({
    name: each.dataset.value,
    color: each.dataset.color,
    text: each.innerText,
  })),
  rows: [...tile.querySelectorAll('[role="row"]')].map(cells),
  legend: [...tile.querySelectorAll('[data-testid^="data-testid VizLegend series"]')].map((each) => each.textContent),
}));
