// What Grafana's Prometheus data source does: variables, and answers as data frames.
import {FieldType, toDataFrame} from '@grafana/data';

async function ask(address, path, parameters) {
  const answer = await fetch(address + path, {
    method: 'POST',
    body: new URLSearchParams(parameters),
  });
  const {status, data, error} = await answer.json();
  if (status !== 'success') {
    throw new Error(`${error}: ${parameters.query ?? parameters['match[]']}`);
  }
  return data;
}

// A text with its variables filled in; one that is not known is an error. A `$1` is of PromQL.
export function fill(text, values) {
  return text.replace(/\$(?:\{(\w+)(?::raw)?\}|([a-z_]\w*))/gi, (_, braced, bare) => {
    const name = braced ?? bare;
    if (!(name in values)) {
      throw new Error(`no variable ${name}: ${text}`);
    }
    return values[name];
  });
}

const escaped = (text) => text.replace(/[\\^$*+?.()|[\]{}]/g, '\\\\$&');

// The options of a variable as {text, value}.
async function options(view, variable, values) {
  const query = fill(variable.query, values);
  const labels = /^label_values\((?:(.*),\s*)?(\w+)\)$/s.exec(query);
  const {end, minutes} = view;
  if (labels) {
    const series = await ask(view.prometheus, '/api/v1/series', {
      'match[]': labels[1],
      start: end - minutes * 60,
      end,
    });
    const regex = new RegExp(variable.regex?.slice(1, -1) ?? '(.*)', 's');
    const found = series.map((each) => regex.exec(each[labels[2]] ?? '')?.[1]);
    return [...new Set(found)].filter(Boolean).sort().map((value) => ({text: value, value}));
  }
  const result = /^query_result\((.*)\)$/s.exec(query);
  const data = await ask(view.prometheus, '/api/v1/query', {query: result[1], time: end});
  const regex = new RegExp(variable.regex.slice(1, -1));
  return data.result.flatMap(({metric, value}) => {
    const {__name__: name = '', ...rest} = metric;
    const written = Object.entries(rest).map(([key, text]) => `${key}="${text}"`);
    const found = regex.exec(`${name}{${written}} ${value[1]} ${value[0] * 1000}`);
    if (!found) {
      return [];
    }
    const {text = found[1], value: chosen = found[1]} = found.groups ?? {};
    return [{text, value: chosen}];
  });
}

// The variables of a dashboard, with the values a view has chosen, else the first ones.
export async function choose(view, dashboard) {
  const range = view.minutes * 60;
  const values = {__rate_interval: view.rateInterval, __range: `${range}s`};
  const shown = {};
  for (const variable of dashboard.templating.list) {
    if (variable.type !== 'query') {
      continue;
    }
    const found = await options(view, variable, values);
    const wanted = view.values[variable.name];
    const one = found.find(({text, value}) => wanted === undefined || [text, value].includes(wanted));
    if (variable.multi && variable.includeAll && wanted === undefined) {
      values[variable.name] =
        variable.allValue ?? `(${found.map(({value}) => escaped(value)).join('|')})`;
      shown[variable.name] = 'All';
    } else {
      values[variable.name] = one?.value ?? '';
      shown[variable.name] = one?.text ?? '';
    }
  }
  return {values, shown};
}

const legend = (format, metric) =>
  format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => metric[name] ?? '');

function seriesFrame(target, format, metric, times, numbers) {
  return toDataFrame({
    refId: target.refId,
    fields: [
      {name: 'Time', type: FieldType.time, config: {}, values: times},
      {
        name: 'Value',
        type: FieldType.number,
        labels: metric,
        config: {displayNameFromDS: legend(format, metric)},
        values: numbers,
      },
    ],
  });
}

function tableFrame(target, result, alone) {
  const names = [...new Set(result.flatMap(({metric}) => Object.keys(metric)))].sort();
  return toDataFrame({
    refId: target.refId,
    fields: [
      {
        name: 'Time',
        type: FieldType.time,
        config: {},
        values: result.map(({value}) => value[0] * 1000),
      },
      ...names.map((name) => ({
        name,
        type: FieldType.string,
        config: {},
        values: result.map(({metric}) => metric[name] ?? ''),
      })),
      {
        name: alone ? 'Value' : `Value #${target.refId}`,
        type: FieldType.number,
        config: {},
        values: result.map(({value}) => Number(value[1])),
      },
    ],
  });
}

async function instant(view, target, {query, format}, alone) {
  const {result} = await ask(view.prometheus, '/api/v1/query', {query, time: view.end});
  if (target.format === 'table') {
    return result.length ? [tableFrame(target, result, alone)] : [];
  }
  return result.map(({metric, value}) =>
    seriesFrame(target, format, metric, [value[0] * 1000], [Number(value[1])])
  );
}

async function range(view, target, {query, format}) {
  const {end, minutes, step} = view;
  const start = end - minutes * 60;
  const {result} = await ask(view.prometheus, '/api/v1/query_range', {query, start, end, step});
  const times = Array.from({length: Math.floor((minutes * 60) / step) + 1}, (_, n) => start + n * step);
  return result.map(({metric, values}) => {
    const found = new Map(values.map(([time, value]) => [Math.round(time), Number(value)]));
    return seriesFrame(
      target,
      format,
      metric,
      times.map((time) => time * 1000),
      times.map((time) => found.get(Math.round(time)) ?? null)
    );
  });
}

// The answers to all queries of a panel.
export async function frames(view, panel, values) {
  const alone = panel.targets.length === 1;
  const answers = panel.targets.map((target) => {
    const filled = {query: fill(target.expr, values), format: fill(target.legendFormat, values)};
    return target.instant ? instant(view, target, filled, alone) : range(view, target, filled);
  });
  return (await Promise.all(answers)).flat();
}
