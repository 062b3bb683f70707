/** The plotting library, as it lies beside the page: `npm run build` copies uPlot's own module here. */
export { default } from 'uplot';
