/** A role somebody holds, everywhere or only for some teams or environments. */
export interface Grant {
  readonly role: string;
  /** Absent: in every environment. */
  readonly environments?: readonly string[];
  /** Absent: for every team's services. */
  readonly teams?: readonly string[];
}

/** The device somebody acts with, as far as it is known. */
export interface Origin {
  readonly ip?: string;
  readonly userAgent?: string;
}

/** Where an action comes from; recorded with everything it does. */
export interface Via extends Origin {
  /** `room`, `web`, `api`, `cli`, `system`, or a chat platform's id. */
  readonly platform: string;
  /** Set when an API token acts; a token can only do what its scopes allow. */
  readonly token?: { readonly id: string; readonly scopes: readonly ("read" | "write")[] };
}

/** Of where an action comes from, only the device. */
export function originOf({ ip, userAgent }: Origin): Origin {
  return {
    ...(ip === undefined ? {} : { ip }),
    ...(userAgent === undefined ? {} : { userAgent }),
  };
}

/** Whoever acts: a person known to the identity provider, or Slipway itself. */
export interface Actor {
  readonly kind: "person" | "system";
  /** Stable id at the identity provider; `system` for Slipway itself. */
  readonly subject: string;
  readonly username: string;
  readonly name: string;
  readonly email: string | null;
  readonly grants: readonly Grant[];
  readonly via: Via;
  /**
   * Set when the identity provider could not be asked whether the grants still hold: the person may go on reading for a
   * while and change nothing.
   */
  readonly unconfirmed?: { readonly issuer: string };
}

/** Slipway acting by itself: the scheduler, the deployment runner, the first start. */
export const systemActor: Actor = {
  kind: "system",
  subject: "system",
  username: "slipway",
  name: "Slipway",
  email: null,
  grants: [],
  via: { platform: "system" },
};
