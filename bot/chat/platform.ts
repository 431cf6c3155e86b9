import type { ActionItem, Card, FormSpec } from "./card.ts";

/** A chat channel or thread on a platform. */
export interface Place {
  readonly platform: string;
  readonly channelId: string;
  readonly threadId?: string;
}

export interface MessageRef extends Place {
  readonly messageId: string;
}

export interface ChatUser {
  readonly platform: string;
  /** Team, guild or server, where user ids are unique; empty where there is only one. */
  readonly workspace: string;
  readonly userId: string;
  readonly displayName: string;
  /**
   * Programs and guests from outside never act. A person when absent: only what a platform knows to be something else is
   * marked.
   */
  readonly kind?: "person" | "bot" | "guest";
  /** What is known of their device, for the audit log. Few platforms tell. */
  readonly origin?: { readonly ip?: string; readonly userAgent?: string };
}

/** `tokens` maps each pressable item of the card to the short string the platform may carry. */
export interface Outgoing {
  readonly card: Card;
  readonly tokens: ReadonlyMap<ActionItem, string>;
  readonly visibility?: "everyone" | "only-you";
  /**
   * Posting with the same key again is the same message, changed: whoever posted it may have died before it knew. Platforms
   * that cannot tell post another one.
   */
  readonly key?: string;
  /** The key may have been used already, by somebody who died before they could say so: worth a look around. */
  readonly repeated?: boolean;
}

interface InboundBase {
  readonly user: ChatUser;
  readonly place: Place;
  /** The platform's own id of this delivery: the same one again must do nothing. */
  readonly deliveryId: string;
  /** When the person acted, as the platform tells. */
  readonly sentAt: Date;
  readonly reply: Replier;
}

export type Inbound =
  | (InboundBase & {
      readonly type: "command";
      /** Without the mention or prefix. */
      readonly text: string;
      /** A direct message, or a message that names the bot: both deserve an answer. */
      readonly direct: boolean;
    })
  | (InboundBase & {
      readonly type: "action";
      readonly token: string;
      readonly message: MessageRef;
      /** Answers of a form. */
      readonly values: Readonly<Record<string, string>>;
    });

/** Hides each platform's deadline: Slack's ack, Discord's defer, Mattermost's HTTP answer. */
export interface Replier {
  acknowledge(): Promise<void>;
  /** Opens a form as the acknowledgement. */
  openForm(form: FormSpec, token: string): Promise<void>;
  /** Answers where the person spoke. Undefined when the platform gives no reference back (ephemeral). */
  send(message: Outgoing): Promise<MessageRef | undefined>;
  /** Replaces the message whose button was pressed. */
  replaceSource(message: Outgoing): Promise<void>;
}

export interface ChatPlatform {
  readonly id: string;
  readonly features: {
    readonly ephemeral: boolean;
    readonly edit: boolean;
    readonly threads: boolean;
    readonly tables: boolean;
    /** Its user ids are the subjects of the sign-in, so nobody needs to link an account. */
    readonly usersAreSubjects?: boolean;
    /** How long to wait between two edits of one message that nobody asked for. 2,000 when absent. */
    readonly editIntervalMs?: number;
  };
  /** `onRemoved` hears of messages of ours that somebody deleted, where the platform tells. */
  start(
    onInbound: (event: Inbound) => Promise<void>,
    onRemoved?: (message: MessageRef) => void,
  ): Promise<void>;
  /** Resolves with every connection closed. */
  stop(): Promise<void>;
  status(): {
    readonly state: "connected" | "reconnecting" | "stopped";
    readonly since: Date;
    readonly detail?: string;
    /** When anything last arrived, a sign of life included. Undefined where there is no connection to watch. */
    readonly lastEventAt?: Date;
    /** How often the connection was lost and found again since the start. Counted by whoever watches when absent. */
    readonly reconnectCount?: number;
    /** How long the newest event waited for its acknowledgement. Measured at the replier when absent. */
    readonly acknowledgedInMs?: number;
  };
  /**
   * The channel people know by this name, e.g. in `chat.announce`. Absent where names are ids. Throws ChannelUnreachable when
   * there is no such channel or the bot may not write there.
   */
  findPlace?(name: string): Promise<Place>;
  post(place: Place, message: Outgoing): Promise<MessageRef>;
  /** Throws MessageNotFound when it is gone, so that the caller posts anew. */
  edit(ref: MessageRef, message: Outgoing): Promise<void>;
  /** A private message to one person. */
  direct(userId: string, message: Outgoing): Promise<MessageRef>;
  /** Takes an HTTP callback at `/hooks/<id>`. Unsigned or wrongly signed ones answer 401; without `json` there is no body. */
  webhook?(request: {
    readonly headers: Readonly<Record<string, string | undefined>>;
    readonly body: string;
  }): Promise<{ readonly status: number; readonly json: unknown }>;
}
