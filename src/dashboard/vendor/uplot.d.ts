/** The plotting library, beside the page: `npm run build` copies uPlot's own module here. */
export { default } from 'uplot';
