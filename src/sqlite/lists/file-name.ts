/** The file of the lists in a data folder. Apart, so that whoever looks for it loads no driver. */
export const LISTS_FILE = 'zeef.sqlite';
