/**
 * What only a build knows; the build script writes this file anew in its copy of the sources.
 *
 * @module
 */

/** The commit that the binary was built from, or an empty text in a checkout. */
export const COMMIT: string = "";
