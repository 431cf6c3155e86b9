/** Names of the things that have one live card per channel. */

/** The release card: what a typed approve refers to. */
export function releaseSubject(release: number): string {
  return `release/${release}`;
}

/** The announcement that a release may go out. */
export function readySubject(release: number): string {
  return `release/${release}/ready`;
}

export function deploymentSubject(deployment: number): string {
  return `deployment/${deployment}`;
}
