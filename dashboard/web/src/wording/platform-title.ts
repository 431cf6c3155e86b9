/** `Mattermost` for `mattermost`: a platform's id is its name in small letters. */
export function platformTitle(id: string): string {
  return id.charAt(0).toUpperCase() + id.slice(1);
}
