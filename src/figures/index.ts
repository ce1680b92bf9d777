/** Figures as pure functions from data to SVG, shared by the page, reports and tests. */
export { type HeatmapData, type HeatmapOptions, heatmap } from './heatmap.ts';
export { type BandPoint, type BandSeries, type LineBandOptions, lineBand } from './line-band.ts';
export { type Colours, type Palette, paletteCss, palettes, THEMES } from './palette.ts';
export { renderSvg } from './render.ts';
export { type ColourScale, type ColourScaleOptions, colourScale, formatValue } from './scale.ts';
export { type FigureOptions, FONTS, fitText, TEXT, textWidth } from './svg.ts';
