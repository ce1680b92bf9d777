/** Figures as pure functions from data to SVG, shared by the page, reports and tests. */
export { type AnswerBarsOptions, type AnswerPair, answerBars } from './answer-bars.ts';
export {
  type AttentionPatternData,
  type AttentionPatternOptions,
  attentionPattern,
  type PatternLayout,
  patternLayout,
} from './attention-pattern.ts';
export {
  attributionGraph,
  type GraphFigureData,
  type GraphFigureLink,
  type GraphFigureNode,
  type GraphFigureOptions,
} from './attribution-graph.ts';
export {
  type CircuitFigureData,
  type CircuitFigureOptions,
  circuitDiagram,
  edgeTitle,
} from './circuit-diagram.ts';
export {
  type CircuitFigureEdge,
  type CircuitLayout,
  type CircuitNode,
  type CircuitSize,
  circuitLayout,
  parseCircuitNode,
} from './circuit-layout.ts';
export {
  type CourseColumn,
  type CourseCurve,
  type CourseGridOptions,
  type CourseRow,
  courseColumns,
  courseGrid,
} from './comparison/course-grid.ts';
export {
  type ComparedBins,
  type ComparedDictionary,
  type ComparedFigure,
  type ComparedScore,
  type ComparedSet,
  type ComparisonOptions,
  type ComparisonWords,
  comparisonFigures,
  type NamedFigure,
} from './comparison/index.ts';
export { type FeatureArrow, type FeatureArrowsOptions, featureArrows } from './feature-arrows.ts';
export { flowFigures } from './flow.ts';
export {
  type GraphLayout,
  type GraphLayoutOptions,
  type GraphMark,
  graphLayout,
  markPath,
  nearestPoint,
  type PlacedNode,
} from './graph-layout.ts';
export {
  type HeadGridOptions,
  type HeadThumbnail,
  headGrid,
  headThumbnail,
  signedBar,
  THUMBNAIL_CELLS,
} from './head-grid.ts';
export { type HeatmapData, type HeatmapOptions, heatmap } from './heatmap.ts';
export { type HistogramData, type HistogramOptions, histogram } from './histogram.ts';
export { type BandPoint, type BandSeries, type LineBandOptions, lineBand } from './line-band.ts';
export { type Colours, type Palette, paletteCss, palettes, THEMES } from './palette.ts';
export {
  combinePatterns,
  type PatternMatrix,
  type PatternWindow,
  poolPattern,
} from './pattern-cells.ts';
export { type PositionBarsData, type PositionBarsOptions, positionBars } from './position-bars.ts';
export { type RankedDotsOptions, type RankedValue, rankedDots } from './ranked-dots.ts';
export { renderSvg } from './render.ts';
export { type ColourScale, type ColourScaleOptions, colourScale, formatValue } from './scale.ts';
export { type ScatterOptions, type ScatterPoint, scatter } from './scatter.ts';
export { stackFigures } from './stack.ts';
export {
  type SubgraphData,
  type SubgraphNode,
  type SubgraphOptions,
  subgraph,
} from './subgraph.ts';
export {
  placingOf,
  type SubgraphLayout,
  type SubgraphLink,
  type SubgraphPart,
  type SubgraphPlacing,
  subgraphLayout,
} from './subgraph-layout.ts';
export { type FigureOptions, FONTS, fitText, TEXT, textWidth } from './svg.ts';
