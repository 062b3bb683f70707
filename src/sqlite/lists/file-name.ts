/** The file of the lists in a data folder. Apart, so that looking for it loads no driver. */
export const LISTS_FILE = 'zeef.sqlite';
