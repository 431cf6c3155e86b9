/** The only source of time for use cases, so that tests can move it. */
export interface Clock {
  now(): Date;
}
