import type { ContentItem, ReleaseStatus } from "./release.ts";
import type { Refusal } from "./verdict.ts";

/** Somebody signed in through SSO. `subject` is who they are; `name` is only for sentences. */
export interface Person {
  readonly subject: string;
  readonly name: string;
}

/** Who could sign in which role now. */
export type EligiblePeople = Readonly<Record<string, readonly Person[]>>;

export const CARRY_OVERS = ["same-diff", "never"] as const;
export type CarryOver = (typeof CARRY_OVERS)[number];

export interface SignOffPolicy {
  /** Role → number of people who must sign in it. Empty: nobody has to sign. */
  readonly roles: Readonly<Record<string, number>>;
  readonly oneRolePerPerson: boolean;
  /** Whether a signature survives a new commit that leaves the effective diff as it was. */
  readonly carryOver: CarryOver;
  /** False: signatures of the person who created the release alone are not enough. */
  readonly creatorMayBeOnly: boolean;
  /** False: signatures of people who wrote commits of the release alone are not enough. */
  readonly authorMayBeOnly: boolean;
}

/** One `dev`, one `qa`, two different people. */
export const DEFAULT_SIGN_OFF_POLICY: SignOffPolicy = {
  roles: { dev: 1, qa: 1 },
  oneRolePerPerson: true,
  carryOver: "same-diff",
  creatorMayBeOnly: true,
  authorMayBeOnly: true,
};

/** For `sign_off: none`. */
export const NO_SIGN_OFF_POLICY: SignOffPolicy = { ...DEFAULT_SIGN_OFF_POLICY, roles: {} };

export interface SignOff {
  readonly id: string;
  readonly role: string;
  readonly signer: Person;
  /** To recognise the signer among commit authors; null when SSO gives none. */
  readonly signerEmail: string | null;
  readonly signedAt: Date;
  readonly revokedAt: Date | null;
  /** The items as they were when this was signed. */
  readonly content: readonly ContentItem[];
}

export interface ReleaseAuthor {
  /** Null where the author's e-mail belongs to nobody we know. */
  readonly subject: string | null;
  readonly email: string;
}

export interface SignOffFacts {
  readonly policy: SignOffPolicy;
  readonly signOffs: readonly SignOff[];
  readonly items: readonly ContentItem[];
  readonly creator: Person;
  readonly authors: readonly ReleaseAuthor[];
}

/** How one service differs from what somebody signed. */
export interface ContentDelta {
  readonly service: string;
  readonly change: "changed" | "added" | "removed";
  /** Commit or version that was signed; null when added. */
  readonly from: string | null;
  /** Commit or version now; null when removed. */
  readonly to: string | null;
}

export type SignOffState =
  | { readonly state: "counts"; /** Services whose commit changed while their diff did not. */ readonly carriedOver: readonly string[] }
  | { readonly state: "stale"; readonly delta: readonly ContentDelta[] }
  | { readonly state: "revoked" }
  /** The same person signed again in this role, or fills another role with a signature that came first. */
  | { readonly state: "superseded"; readonly by: string; readonly why: "signed_again" | "fills_other_role" }
  /** The policy does not name the role (any more). */
  | { readonly state: "irrelevant_role" };

export interface JudgedSignOff {
  readonly signOff: SignOff;
  readonly judgement: SignOffState;
  readonly isByCreator: boolean;
  readonly isByAuthor: boolean;
}

export interface RoleState {
  readonly role: string;
  readonly needed: number;
  readonly have: number;
  readonly missing: number;
  /** Who fills the role, in the order they signed. */
  readonly by: readonly Person[];
}

export interface SignOffResult {
  readonly signOffs: readonly JudgedSignOff[];
  /** In the order of the policy. */
  readonly roles: readonly RoleState[];
  /** Rules that keep a release with all signatures from being approved. */
  readonly violations: readonly ("creator_only" | "author_only")[];
  /** Everything the policy asks for is there. Never true of a release without items. */
  readonly isApproved: boolean;
}

export interface SignOffRequest {
  readonly release: {
    readonly number: number;
    readonly status: ReleaseStatus;
    readonly isRejected: boolean;
  };
  readonly role: string;
  readonly actor: Person;
  /** Roles the actor holds now, by SSO. */
  readonly actorRoles: readonly string[];
  /** Who else could sign, to name them; leave out where unknown. */
  readonly eligible?: EligiblePeople;
}

/** Yes with the signature that already counts (`already`: nothing to do, not a mistake), yes, or a refusal. */
export type SignOffAnswer = { readonly ok: true; readonly already: SignOff | null } | Refusal;

/** Which sign-offs count for this content, and whether they are enough. */
export declare function judgeSignOffs(facts: SignOffFacts): SignOffResult;

/** How the content differs from what was signed; empty when the signature still holds. */
export declare function contentDelta(
  signed: readonly ContentItem[],
  current: readonly ContentItem[],
  carryOver: CarryOver,
): readonly ContentDelta[];

/** Whether this person may sign in this role now. */
export declare function checkSignOff(facts: SignOffFacts, request: SignOffRequest): SignOffAnswer;

/** Why nobody, or too few people, could ever fulfil the policy; empty when it can be fulfilled. */
export declare function findUnsatisfiable(
  policy: SignOffPolicy,
  eligible: EligiblePeople,
  release?: { readonly creator: Person; readonly authors: readonly ReleaseAuthor[] },
): readonly Refusal[];
