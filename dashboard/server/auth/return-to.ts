/** Longer addresses are not ours. */
const LONGEST = 2_000;

/**
 * The page of ours to go to after signing in: a path on this very site. Anything that a browser could take for another site
 * (`//evil.example`, `/\evil.example`, a scheme, control characters) or that would sign in or out again becomes `/`.
 */
export function safeReturnTo(wanted: unknown, baseUrl: string): string {
  if (typeof wanted !== "string" || wanted.length > LONGEST || !/^\/(?![/\\])/.test(wanted)) {
    return "/";
  }
  const base = new URL(baseUrl);
  if (!URL.canParse(wanted, baseUrl)) {
    return "/";
  }
  const url = new URL(wanted, baseUrl);
  const leadsBackHere = url.origin === base.origin && !url.pathname.startsWith("//");
  const isPage = !/^\/(auth|idp|api|hooks)(\/|$)/.test(url.pathname);
  return leadsBackHere && isPage ? `${url.pathname}${url.search}${url.hash}` : "/";
}
