/** What the identity provider says about a person now. */
export interface RefreshedClaims {
  readonly issuer: string;
  readonly subject: string;
  readonly username: string;
  readonly name: string;
  readonly email: string | null;
  readonly groups: readonly string[];
  readonly realmRoles: readonly string[];
  readonly clientRoles: readonly string[];
}

/** Asks the identity provider about somebody who is not at the keyboard. */
export interface ClaimsSource {
  /**
   * The person's claims as they are now, and the refresh token to keep for the next time (it may be the same one).
   * `"deactivated"` when the provider no longer vouches for them. `refreshToken` is null for people who never signed in
   * here. Throws IdentityUnavailable when the provider cannot be asked, SignInRequired when it can only be asked after the
   * person has signed in.
   */
  refresh(person: {
    readonly subject: string;
    readonly refreshToken: string | null;
  }): Promise<
    { readonly claims: RefreshedClaims; readonly refreshToken: string | null } | "deactivated"
  >;
  /**
   * Everybody who could sign in, where the provider can tell; only the embedded one can. Without it, people are known from
   * their first sign-in on.
   */
  directory?(): Promise<readonly RefreshedClaims[]>;
}
