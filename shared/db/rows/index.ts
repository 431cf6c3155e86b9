import type { Sequelize } from "sequelize";
import { AccountRow } from "./account.ts";
import { ApiTokenRow } from "./api-token.ts";
import { ChatActionRow } from "./chat-action.ts";
import { ChatCursorRow } from "./chat-cursor.ts";
import { ChatDeliveryRow } from "./chat-delivery.ts";
import { ChatInboxRow } from "./chat-inbox.ts";
import { ChatPostRow } from "./chat-post.ts";
import { CommonSettingRow } from "./common-setting.ts";
import { DeploymentRow } from "./deployment.ts";
import { DeploymentLogRow } from "./deployment-log.ts";
import { DeploymentStepRow } from "./deployment-step.ts";
import { EnvironmentStateRow } from "./environment-state.ts";
import { EventRow } from "./event.ts";
import { EventDeliveryRow } from "./event-delivery.ts";
import { ForgeReportRow } from "./forge-report.ts";
import { HttpAnswerRow } from "./http-answer.ts";
import { JobRow } from "./job.ts";
import { LeaseRow } from "./lease.ts";
import { LinkRequestRow } from "./link-request.ts";
import { LockRow } from "./lock.ts";
import { NotificationSettingsRow } from "./notification-settings.ts";
import { PersonRow } from "./person.ts";
import { RejectionRow } from "./rejection.ts";
import { ReleaseRow } from "./release.ts";
import { ReleaseItemRow } from "./release-item.ts";
import { RoomChannelRow } from "./room-channel.ts";
import { RoomMessageRow } from "./room-message.ts";
import { SearchEntryRow } from "./search-entry.ts";
import { SequenceRow } from "./sequence.ts";
import { ServiceRow } from "./service.ts";
import { ServiceStateRow } from "./service-state.ts";
import { SessionRow } from "./session.ts";
import { SignOffRow } from "./sign-off.ts";
import { TeamRow } from "./team.ts";

/** Every row class; a test compares the list with the folder. */
export const rows = [
  AccountRow,
  ApiTokenRow,
  ChatActionRow,
  ChatCursorRow,
  ChatDeliveryRow,
  ChatInboxRow,
  ChatPostRow,
  CommonSettingRow,
  DeploymentRow,
  DeploymentLogRow,
  DeploymentStepRow,
  EnvironmentStateRow,
  EventRow,
  EventDeliveryRow,
  ForgeReportRow,
  HttpAnswerRow,
  JobRow,
  LeaseRow,
  LinkRequestRow,
  LockRow,
  NotificationSettingsRow,
  PersonRow,
  RejectionRow,
  ReleaseRow,
  ReleaseItemRow,
  RoomChannelRow,
  RoomMessageRow,
  SearchEntryRow,
  SequenceRow,
  ServiceRow,
  ServiceStateRow,
  SessionRow,
  SignOffRow,
  TeamRow,
] as const;

/** Binds every row class to one connection. */
export function bindRows(sequelize: Sequelize): void {
  for (const row of rows) {
    row.attach(sequelize);
  }
}
