// Draws a dashboard: draw({dashboard, prometheus, ...}) of the window, called by the tests.
//
// Grafana's panels are not in its packages, but what they are made of is: this file places those as
// the panels of Grafana 11 do.
import {dateTime, getDisplayValueAlignmentFactors, getFieldDisplayValues} from '@grafana/data';
import {
  BarGauge,
  BigValue,
  GlobalStyles,
  PanelChrome,
  Table,
  ThemeContext,
  TimeSeries,
  VizRepeater,
} from '@grafana/ui';
import {Component} from 'react';
import {flushSync} from 'react-dom';
import {createRoot} from 'react-dom/client';
import '@fontsource/inter/latin-400.css';
import '@fontsource/inter/latin-500.css';

import {shown, theme} from './fields.js';
import {choose, fill, frames} from './prometheus.js';

const CELL = 30; // Grafana's grid: a row is so high, and so far is one panel from the next
const GAP = 8;
const PADDING = 16;
const HEADING = 56;
const plain = (text) => text;

function values({panel, data, fieldConfig}) {
  return getFieldDisplayValues({
    fieldConfig,
    reduceOptions: {values: false, ...panel.options.reduceOptions},
    replaceVariables: plain,
    theme,
    data,
    timeZone: 'utc',
  });
}

function Stat({found, width, height}) {
  const {options} = found.panel;
  return (
    <VizRepeater
      source={found.data}
      getValues={() => values(found)}
      width={width}
      height={height}
      autoGrid
      orientation="auto"
      renderValue={({value, count, width, height}) => (
        <div data-value={value.display.title} data-color={value.display.color}>
          <BigValue
            value={value.display}
            count={count}
            colorMode={options.colorMode}
            graphMode={options.graphMode}
            textMode={options.textMode}
            justifyMode="auto"
            theme={theme}
            width={width}
            height={height}
          />
        </div>
      )}
    />
  );
}

function Bars({found, width, height}) {
  const {options} = found.panel;
  return (
    <VizRepeater
      source={found.data}
      getValues={() => values(found)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      width={width}
      height={height}
      minVizHeight={16}
      itemSpacing={10}
      orientation={options.orientation}
      renderValue={({value, alignmentFactors, orientation, width, height, count}) => (
        <div data-value={value.display.title} data-color={value.display.color}>
          <BarGauge
            value={value.display}
            field={value.field}
            text={options.text}
            namePlacement={options.namePlacement ?? 'auto'}
            display={value.view?.getFieldDisplayProcessor(value.colIndex)}
            theme={theme}
            width={width}
            height={height}
            orientation={orientation}
            displayMode={options.displayMode}
            showUnfilled={options.showUnfilled}
            valueDisplayMode={options.valueMode}
            alignmentFactors={count > 1 ? alignmentFactors : undefined}
            itemSpacing={10}
            lcdCellWidth={12}
          />
        </div>
      )}
    />
  );
}

function Lines({found, view, width, height}) {
  const from = dateTime((view.end - view.minutes * 60) * 1000);
  const to = dateTime(view.end * 1000);
  const {options} = found.panel;
  return (
    <TimeSeries
      frames={found.data}
      timeRange={{from, to, raw: {from, to}}}
      timeZone="utc"
      width={width}
      height={height}
      structureRev={1}
      legend={options.legend}
      options={options}
      replaceVariables={plain}
    />
  );
}

function Cells({found, width, height}) {
  return (
    <Table
      data={found.data[0]}
      width={width}
      height={height}
      noHeader={!found.panel.options.showHeader}
      cellHeight="sm"
    />
  );
}

const KINDS = {stat: Stat, bargauge: Bars, timeseries: Lines, table: Cells};

class Guard extends Component {
  state = {};

  static getDerivedStateFromError(error) {
    return {error};
  }

  render() {
    const {error} = this.state;
    return error ? <pre data-error="">{String(error)}</pre> : this.props.children;
  }
}

function Body({found, view, width, height}) {
  if (found.error) {
    return <pre data-error="">{found.error}</pre>;
  }
  // As PanelDataErrorView does.
  if (found.data.every((frame) => !frame.length)) {
    const style = {height, display: 'flex', alignItems: 'center', justifyContent: 'center'};
    return (
      <div data-nothing="" style={{...style, color: theme.colors.text.secondary}}>
        {found.fieldConfig.defaults.noValue ?? 'No data'}
      </div>
    );
  }
  const Kind = KINDS[found.panel.type];
  return <Kind found={found} view={view} width={width} height={height} />;
}

function Tile({found, view}) {
  const {panel} = found;
  const {x, y, w, h} = panel.gridPos;
  const column = (view.width - 2 * PADDING + GAP) / 24;
  const style = {
    position: 'absolute',
    left: PADDING + x * column,
    top: HEADING + y * (CELL + GAP),
    width: w * column - GAP,
    height: h * (CELL + GAP) - GAP,
  };
  if (panel.type === 'row') {
    return (
      <div data-row={panel.title} style={{...style, ...theme.typography.h6}}>
        {panel.title}
      </div>
    );
  }
  return (
    <div data-panel={panel.title} data-type={panel.type} style={style}>
      <PanelChrome title={panel.title} width={style.width} height={style.height}>
        {(width, height) => (
          <Guard>
            <Body found={found} view={view} width={width} height={height} />
          </Guard>
        )}
      </PanelChrome>
    </div>
  );
}

function Board({dashboard, found, view, chosen}) {
  const bottom = Math.max(...found.map(({panel}) => panel.gridPos.y + panel.gridPos.h));
  const hidden = new Set(dashboard.templating.list.filter((v) => v.hide).map((v) => v.name));
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <div style={{position: 'relative', height: HEADING + bottom * (CELL + GAP) + GAP}}>
        <div style={{padding: PADDING, ...theme.typography.h5}}>
          {dashboard.title}
          {Object.entries(chosen)
            .filter(([name]) => !hidden.has(name))
            .map(([name, text]) => (
              <span key={name} style={{marginLeft: 24, ...theme.typography.body}}>
                {name}: <b>{text}</b>
              </span>
            ))}
        </div>
        {found.map((each) => (
          <Tile key={each.panel.id} found={each} view={view} />
        ))}
      </div>
    </ThemeContext.Provider>
  );
}

async function load(view, panel, values) {
  if (panel.type === 'row') {
    return {panel};
  }
  const titled = {...panel, title: fill(panel.title, values)};
  try {
    const answers = await frames(view, panel, values);
    return {panel: titled, ...(await shown(panel, answers))};
  } catch (error) {
    return {panel: titled, error: String(error.stack ?? error)};
  }
}

const idle = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)));
let root;

window.draw = async (view) => {
  const {dashboard} = view;
  const {values, shown: chosen} = await choose(view, dashboard);
  const panels = dashboard.panels.filter(({gridPos}) => gridPos.y < (view.below ?? Infinity));
  const found = await Promise.all(panels.map((panel) => load(view, panel, values)));
  root?.unmount();
  root = createRoot(document.getElementById('root'));
  await document.fonts.load('14px Inter');
  await document.fonts.load('500 14px Inter');
  flushSync(() =>
    root.render(<Board dashboard={dashboard} found={found} view={view} chosen={chosen} />)
  );
  // Tables and plots draw again once they know their size.
  for (let n = 0; n < 4; n++) {
    await idle();
  }
  return chosen;
};
