/** Every changing request of a signed-in browser repeats `csrfToken` of `/me` in this header. */
export const CSRF_HEADER = "x-csrf-token";
