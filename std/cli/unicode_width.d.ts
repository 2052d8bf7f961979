/** How many columns of a terminal a text takes. */
export declare function unicodeWidth(str: string): number;
