// What Grafana makes of a panel's answers: transformations, field options, thresholds, links.
import {
  applyFieldOverrides,
  createTheme,
  identityOverrideProcessor,
  Registry,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import {firstValueFrom} from 'rxjs';

export const theme = createTheme({colors: {mode: 'dark'}});

standardTransformersRegistry.setInit(() => {
  const known = Object.values(standardTransformers).filter((each) => each?.id);
  return [...new Map(known.map((each) => [each.id, each])).values()].map((transformation) => ({
    id: transformation.id,
    name: transformation.name,
    transformation,
    editor: () => null,
  }));
});

const PROPERTIES = [
  ...['unit', 'min', 'max', 'decimals', 'displayName', 'color', 'thresholds'],
  ...['mappings', 'links', 'noValue'],
];
const option = (id, isCustom) => ({
  id: isCustom ? `custom.${id}` : id,
  path: id,
  name: id,
  isCustom,
  process: identityOverrideProcessor,
  shouldApply: () => true,
  getItemsCount: () => 1,
  editor: () => null,
  override: () => null,
});
// Grafana's defaults where a panel says nothing (docs, "Standard options" and "Thresholds").
const THRESHOLDS = {
  mode: 'absolute',
  steps: [
    {value: -Infinity, color: 'green'},
    {value: 80, color: 'red'},
  ],
};
const LINES = {
  drawStyle: 'line',
  lineWidth: 1,
  fillOpacity: 0,
  gradientMode: 'none',
  lineInterpolation: 'linear',
  showPoints: 'auto',
  pointSize: 5,
  spanNulls: false,
  axisPlacement: 'auto',
  barAlignment: 0,
  scaleDistribution: {type: 'linear'},
  hideFrom: {legend: false, tooltip: false, viz: false},
  thresholdsStyle: {mode: 'off'},
  stacking: {mode: 'none', group: 'A'},
};
const CELLS = {align: 'auto', cellOptions: {type: 'auto'}, inspect: false};
// What is in neither of these, of those that the dashboards set.
const OTHERS = ['axisSoftMax', 'hidden', 'lineStyle', 'width'];

const registry = new Registry(() => [
  ...PROPERTIES.map((id) => option(id, false)),
  ...[...Object.keys({...LINES, ...CELLS}), ...OTHERS].map((id) => option(id, true)),
]);


function config(panel) {
  const found = structuredClone(panel.fieldConfig);
  const {defaults} = found;
  const every = [defaults.thresholds];
  for (const {properties} of found.overrides) {
    every.push(...properties.filter(({id}) => id === 'thresholds').map(({value}) => value));
  }
  for (const thresholds of every.filter(Boolean)) {
    thresholds.steps = thresholds.steps.map((step) => ({...step, value: step.value ?? -Infinity}));
  }
  const lines = panel.type === 'timeseries';
  defaults.thresholds ??= THRESHOLDS;
  defaults.color ??= {mode: lines ? 'palette-classic' : 'thresholds'};
  defaults.custom = {...(lines ? LINES : CELLS), ...defaults.custom};
  if (lines && defaults.custom.stacking.mode !== 'none') {
    defaults.custom.stacking.group ??= 'A';
  }
  return found;
}

// The frames a panel shows.
export async function shown(panel, answers) {
  const steps = panel.transformations ?? [];
  const context = {interpolate: (text) => text};
  const data = await firstValueFrom(transformDataFrame(steps, answers, context));
  const fieldConfig = config(panel);
  return {
    fieldConfig,
    data: applyFieldOverrides({
      data,
      fieldConfig,
      fieldConfigRegistry: registry,
      replaceVariables: (text) => text,
      theme,
      timeZone: 'utc',
    }),
  };
}
