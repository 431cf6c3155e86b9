import type { Action, Command } from "../chat/command.ts";
import { accountLink, accountUnlink } from "./account-link.ts";
import { deploymentCancel, deploymentCancelAction } from "./deployment-cancel.ts";
import { deploymentPlan, deploymentPlanAction } from "./deployment-plan.ts";
import { deploymentRequest, deploymentRequestAction } from "./deployment-request.ts";
import { deploymentRetry, deploymentRetryAction } from "./deployment-retry.ts";
import { deploymentRollBack, deploymentRollBackAction } from "./deployment-roll-back.ts";
import {
  deploymentLogs,
  deploymentLogsAction,
  deploymentShow,
  deploymentShowAction,
} from "./deployment-show.ts";
import { environmentDiff } from "./environment-diff.ts";
import { environmentHistory } from "./environment-history.ts";
import {
  environmentHold,
  environmentHoldAction,
  environmentResume,
  environmentResumeAction,
} from "./environment-hold.ts";
import {
  environmentLock,
  environmentLockAction,
  environmentUnlock,
  environmentUnlockAction,
} from "./environment-lock.ts";
import { environmentPromote, environmentPromoteAction } from "./environment-promote.ts";
import {
  environmentHealth,
  environmentStatus,
  environmentStatusAction,
} from "./environment-status.ts";
import { defineHelp } from "./help.ts";
import { notifications } from "./notifications.ts";
import { releaseClose, releaseCloseAction } from "./release-close.ts";
import { releaseCreate, releaseCreateAction } from "./release-create.ts";
import { releaseDepend, releaseOrder } from "./release-depend.ts";
import { releaseExclude, releaseInclude } from "./release-items.ts";
import { releaseList } from "./release-list.ts";
import { releaseBreaking, releaseNotes, releaseNotesAction } from "./release-notes.ts";
import { releaseOpenPullRequests, releaseOpenPullRequestsAction } from "./release-pull-requests.ts";
import { releaseRefresh, releaseRefreshAction } from "./release-refresh.ts";
import { releaseLift, releaseReject, releaseRejectAction } from "./release-reject.ts";
import { releaseShow, releaseShowAction } from "./release-show.ts";
import { releaseApprove, releaseApproveAction, releaseRevoke } from "./release-sign-off.ts";
import { releaseWho, releaseWhy } from "./release-why.ts";
import { serviceRestart } from "./service-restart.ts";
import { whoami } from "./whoami.ts";

/** Every command people can say, in the order help lists them. */
export const commands: readonly Command[] = [
  releaseCreate,
  releaseList,
  releaseShow,
  releaseRefresh,
  releaseOpenPullRequests,
  releaseNotes,
  releaseBreaking,
  releaseExclude,
  releaseInclude,
  releaseDepend,
  releaseOrder,
  releaseClose,
  releaseApprove,
  releaseRevoke,
  releaseReject,
  releaseLift,
  releaseWhy,
  releaseWho,
  deploymentPlan,
  deploymentRequest,
  deploymentShow,
  deploymentLogs,
  deploymentCancel,
  deploymentRetry,
  deploymentRollBack,
  environmentStatus,
  environmentHealth,
  environmentDiff,
  environmentPromote,
  environmentLock,
  environmentUnlock,
  environmentHold,
  environmentResume,
  serviceRestart,
  environmentHistory,
  defineHelp(() => commands),
  whoami,
  accountLink,
  accountUnlink,
  notifications,
];

/** What every button of our cards does. */
export const actions: readonly Action[] = [
  releaseCreateAction,
  releaseShowAction,
  releaseRefreshAction,
  releaseOpenPullRequestsAction,
  releaseApproveAction,
  releaseRejectAction,
  releaseCloseAction,
  releaseNotesAction,
  deploymentPlanAction,
  deploymentRequestAction,
  deploymentShowAction,
  deploymentLogsAction,
  deploymentCancelAction,
  deploymentRetryAction,
  deploymentRollBackAction,
  environmentStatusAction,
  environmentLockAction,
  environmentUnlockAction,
  environmentHoldAction,
  environmentResumeAction,
  environmentPromoteAction,
];
