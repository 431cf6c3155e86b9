/** Where signing in begins. Needs no JavaScript: a link is enough. */
export const SIGN_IN_PATH = "/auth/login";

/** A form posts here to sign out, here and at the identity provider. */
export const SIGN_OUT_PATH = "/auth/logout";

/** Every changing request of a signed-in browser repeats `csrfToken` of `/me` in this header. */
export const CSRF_HEADER = "x-csrf-token";

/** The link that signs in and comes back to a page of ours, e.g. `/releases/12`. */
export function signInUrl(returnTo: string): string {
  return `${SIGN_IN_PATH}?returnTo=${encodeURIComponent(returnTo)}`;
}
