import { DataTypes } from "sequelize";
import type { Migration } from "./migration.ts";

/** Every table of the first version. */
export const createTables: Migration = {
  name: "2026-11-21-create-tables",
  async up(schema, transaction) {
    await schema.createTable(
      "people",
      {
        subject: { type: DataTypes.STRING, primaryKey: true, allowNull: false },
        username: { type: DataTypes.STRING, allowNull: false },
        name: { type: DataTypes.STRING, allowNull: false },
        email: { type: DataTypes.STRING, allowNull: true },
        issuer: { type: DataTypes.STRING, allowNull: false },
        claims: { type: DataTypes.JSON, allowNull: false },
        claims_checked_at: { type: DataTypes.DATE, allowNull: false },
        refresh_token: { type: DataTypes.TEXT, allowNull: true },
        active: { type: DataTypes.BOOLEAN, allowNull: false },
        created_at: { type: DataTypes.DATE, allowNull: false },
        last_seen_at: { type: DataTypes.DATE, allowNull: true },
      },
      { transaction },
    );
    await schema.addIndex("people", { fields: ["username"], unique: false, transaction });
    await schema.createTable(
      "accounts",
      {
        id: { type: DataTypes.UUID, primaryKey: true, allowNull: false },
        platform: { type: DataTypes.STRING, allowNull: false },
        workspace: { type: DataTypes.STRING, allowNull: false },
        user_id: { type: DataTypes.STRING, allowNull: false },
        subject: { type: DataTypes.STRING, allowNull: false },
        linked_at: { type: DataTypes.DATE, allowNull: false },
      },
      { transaction },
    );
    await schema.addIndex("accounts", {
      fields: ["platform", "workspace", "user_id"],
      unique: true,
      transaction,
    });
    await schema.createTable(
      "api_tokens",
      {
        id: { type: DataTypes.UUID, primaryKey: true, allowNull: false },
        subject: { type: DataTypes.STRING, allowNull: false },
        name: { type: DataTypes.STRING, allowNull: false },
        hash: { type: DataTypes.STRING, allowNull: false },
        scopes: { type: DataTypes.JSON, allowNull: false },
        created_at: { type: DataTypes.DATE, allowNull: false },
        expires_at: { type: DataTypes.DATE, allowNull: true },
        last_used_at: { type: DataTypes.DATE, allowNull: true },
        revoked_at: { type: DataTypes.DATE, allowNull: true },
      },
      { transaction },
    );
    await schema.addIndex("api_tokens", { fields: ["hash"], unique: true, transaction });
    await schema.addIndex("api_tokens", { fields: ["subject"], unique: false, transaction });
    await schema.createTable(
      "sessions",
      {
        sid: { type: DataTypes.STRING, primaryKey: true, allowNull: false },
        data: { type: DataTypes.JSON, allowNull: false },
        subject: { type: DataTypes.STRING, allowNull: true },
        oidc_sid: { type: DataTypes.STRING, allowNull: true },
        expires_at: { type: DataTypes.DATE, allowNull: false },
      },
      { transaction },
    );
    await schema.addIndex("sessions", { fields: ["subject"], unique: false, transaction });
    await schema.addIndex("sessions", { fields: ["oidc_sid"], unique: false, transaction });
    await schema.addIndex("sessions", { fields: ["expires_at"], unique: false, transaction });
    await schema.createTable(
      "services",
      {
        name: { type: DataTypes.STRING, primaryKey: true, allowNull: false },
        repository: { type: DataTypes.STRING, allowNull: false },
        path: { type: DataTypes.STRING, allowNull: false },
        team: { type: DataTypes.STRING, allowNull: true },
        owner: { type: DataTypes.STRING, allowNull: true },
        channel: { type: DataTypes.STRING, allowNull: true },
        depends_on: { type: DataTypes.JSON, allowNull: false },
        origin: { type: DataTypes.STRING, allowNull: false },
        updated_at: { type: DataTypes.DATE, allowNull: false },
      },
      { transaction },
    );
    await schema.createTable(
      "teams",
      {
        name: { type: DataTypes.STRING, primaryKey: true, allowNull: false },
        description: { type: DataTypes.TEXT, allowNull: false },
        channel: { type: DataTypes.STRING, allowNull: true },
        members: { type: DataTypes.JSON, allowNull: false },
        updated_at: { type: DataTypes.DATE, allowNull: false },
      },
      { transaction },
    );
    await schema.createTable(
      "releases",
      {
        id: { type: DataTypes.UUID, primaryKey: true, allowNull: false },
        number: { type: DataTypes.INTEGER, allowNull: false },
        kind: { type: DataTypes.STRING, allowNull: false },
        status: { type: DataTypes.STRING, allowNull: false },
        source_branch: { type: DataTypes.STRING(1000), allowNull: true },
        destination_branch: { type: DataTypes.STRING(1000), allowNull: true },
        from_environment: { type: DataTypes.STRING, allowNull: true },
        target_environment: { type: DataTypes.STRING, allowNull: true },
        open_key: { type: DataTypes.STRING(2100), allowNull: true },
        repositories: { type: DataTypes.JSON, allowNull: true },
        fingerprint: { type: DataTypes.STRING, allowNull: false },
        notes: { type: DataTypes.TEXT, allowNull: false },
        breaking_changes: { type: DataTypes.TEXT, allowNull: false },
        draft_notes: { type: DataTypes.TEXT, allowNull: false },
        problems: { type: DataTypes.JSON, allowNull: false },
        last_changes: { type: DataTypes.JSON, allowNull: false },
        diff_hash: { type: DataTypes.STRING, allowNull: true },
        created_by: { type: DataTypes.STRING, allowNull: false },
        created_at: { type: DataTypes.DATE, allowNull: false },
        refreshed_at: { type: DataTypes.DATE, allowNull: false },
        closed_by: { type: DataTypes.STRING, allowNull: true },
        closed_at: { type: DataTypes.DATE, allowNull: true },
        closed_reason: { type: DataTypes.TEXT, allowNull: true },
        version: { type: DataTypes.INTEGER, allowNull: false },
      },
      { transaction },
    );
    await schema.addIndex("releases", { fields: ["number"], unique: true, transaction });
    await schema.addIndex("releases", { fields: ["open_key"], unique: true, transaction });
    await schema.addIndex("releases", { fields: ["status", "number"], unique: false, transaction });
    await schema.addIndex("releases", { fields: ["created_at"], unique: false, transaction });
    await schema.addIndex("releases", {
      fields: ["created_by", "number"],
      unique: false,
      transaction,
    });
    await schema.addIndex("releases", {
      fields: ["target_environment", "number"],
      unique: false,
      transaction,
    });
    await schema.createTable(
      "release_items",
      {
        id: { type: DataTypes.UUID, primaryKey: true, allowNull: false },
        release_id: { type: DataTypes.UUID, allowNull: false },
        service: { type: DataTypes.STRING, allowNull: false },
        repository: { type: DataTypes.STRING, allowNull: false },
        path: { type: DataTypes.STRING, allowNull: false },
        base_sha: { type: DataTypes.STRING, allowNull: true },
        head_sha: { type: DataTypes.STRING, allowNull: true },
        merge_base_sha: { type: DataTypes.STRING, allowNull: true },
        from_version: { type: DataTypes.STRING, allowNull: true },
        to_version: { type: DataTypes.STRING, allowNull: true },
        digest: { type: DataTypes.STRING, allowNull: true },
        commit_count: { type: DataTypes.INTEGER, allowNull: false },
        behind_count: { type: DataTypes.INTEGER, allowNull: false },
        truncated: { type: DataTypes.BOOLEAN, allowNull: false },
        commits: { type: DataTypes.JSON, allowNull: false },
        contributors: { type: DataTypes.JSON, allowNull: false },
        file_count: { type: DataTypes.INTEGER, allowNull: false },
        migrations: { type: DataTypes.JSON, allowNull: false },
        breaking: { type: DataTypes.BOOLEAN, allowNull: false },
        patch_identity: { type: DataTypes.STRING, allowNull: true },
        pull_request: { type: DataTypes.JSON, allowNull: true },
        ci: { type: DataTypes.JSON, allowNull: true },
        excluded: { type: DataTypes.BOOLEAN, allowNull: false },
        excluded_reason: { type: DataTypes.TEXT, allowNull: true },
        depends_on: { type: DataTypes.JSON, allowNull: false },
        last_change: { type: DataTypes.TEXT, allowNull: true },
        landed_at: { type: DataTypes.DATE, allowNull: true },
        landed_sha: { type: DataTypes.STRING, allowNull: true },
      },
      { transaction },
    );
    await schema.addIndex("release_items", {
      fields: ["release_id", "service"],
      unique: true,
      transaction,
    });
    await schema.createTable(
      "sign_offs",
      {
        id: { type: DataTypes.UUID, primaryKey: true, allowNull: false },
        release_id: { type: DataTypes.UUID, allowNull: false },
        role: { type: DataTypes.STRING, allowNull: false },
        subject: { type: DataTypes.STRING, allowNull: false },
        fingerprint: { type: DataTypes.STRING, allowNull: false },
        content: { type: DataTypes.JSON, allowNull: false },
        by_author: { type: DataTypes.BOOLEAN, allowNull: false },
        platform: { type: DataTypes.STRING, allowNull: false },
        signed_at: { type: DataTypes.DATE, allowNull: false },
        revoked_at: { type: DataTypes.DATE, allowNull: true },
        revoked_by: { type: DataTypes.STRING, allowNull: true },
        active_key: { type: DataTypes.STRING, allowNull: true },
      },
      { transaction },
    );
    await schema.addIndex("sign_offs", { fields: ["release_id"], unique: false, transaction });
    await schema.addIndex("sign_offs", { fields: ["active_key"], unique: true, transaction });
    await schema.createTable(
      "rejections",
      {
        id: { type: DataTypes.UUID, primaryKey: true, allowNull: false },
        release_id: { type: DataTypes.UUID, allowNull: false },
        subject: { type: DataTypes.STRING, allowNull: false },
        reason: { type: DataTypes.TEXT, allowNull: false },
        commits: { type: DataTypes.JSON, allowNull: false },
        rejected_at: { type: DataTypes.DATE, allowNull: false },
        lifted_at: { type: DataTypes.DATE, allowNull: true },
        lifted_by: { type: DataTypes.STRING, allowNull: true },
      },
      { transaction },
    );
    await schema.addIndex("rejections", { fields: ["release_id"], unique: false, transaction });
    await schema.createTable(
      "environment_states",
      {
        name: { type: DataTypes.STRING, primaryKey: true, allowNull: false },
        baseline_at: { type: DataTypes.DATE, allowNull: true },
        active_deployment: { type: DataTypes.INTEGER, allowNull: true },
        fencing: { type: DataTypes.INTEGER, allowNull: false },
      },
      { transaction },
    );
    await schema.createTable(
      "locks",
      {
        id: { type: DataTypes.UUID, primaryKey: true, allowNull: false },
        environment: { type: DataTypes.STRING, allowNull: false },
        kind: { type: DataTypes.STRING, allowNull: false },
        subject: { type: DataTypes.STRING, allowNull: false },
        name: { type: DataTypes.STRING, allowNull: false },
        reason: { type: DataTypes.TEXT, allowNull: false },
        created_at: { type: DataTypes.DATE, allowNull: false },
        expires_at: { type: DataTypes.DATE, allowNull: true },
        ended_at: { type: DataTypes.DATE, allowNull: true },
        ended_by: { type: DataTypes.STRING, allowNull: true },
        active_key: { type: DataTypes.STRING, allowNull: true },
      },
      { transaction },
    );
    await schema.addIndex("locks", { fields: ["environment"], unique: false, transaction });
    await schema.addIndex("locks", { fields: ["active_key"], unique: true, transaction });
    await schema.createTable(
      "deployments",
      {
        id: { type: DataTypes.UUID, primaryKey: true, allowNull: false },
        number: { type: DataTypes.INTEGER, allowNull: false },
        kind: { type: DataTypes.STRING, allowNull: false },
        status: { type: DataTypes.STRING, allowNull: false },
        environment: { type: DataTypes.STRING, allowNull: false },
        release_id: { type: DataTypes.UUID, allowNull: true },
        release_number: { type: DataTypes.INTEGER, allowNull: true },
        rollback_of: { type: DataTypes.INTEGER, allowNull: true },
        restores: { type: DataTypes.INTEGER, allowNull: true },
        fingerprint: { type: DataTypes.STRING, allowNull: true },
        desired: { type: DataTypes.JSON, allowNull: false },
        waves: { type: DataTypes.JSON, allowNull: false },
        land: { type: DataTypes.STRING, allowNull: false },
        only: { type: DataTypes.JSON, allowNull: true },
        from_wave: { type: DataTypes.INTEGER, allowNull: true },
        requested_by: { type: DataTypes.STRING, allowNull: false },
        requested_by_name: { type: DataTypes.STRING, allowNull: false },
        reason: { type: DataTypes.TEXT, allowNull: true },
        summary: { type: DataTypes.TEXT, allowNull: false },
        cancel_requested_by: { type: DataTypes.STRING, allowNull: true },
        cancel_then: { type: DataTypes.STRING, allowNull: true },
        retry_of: { type: DataTypes.INTEGER, allowNull: true },
        lease_owner: { type: DataTypes.STRING, allowNull: true },
        lease_until: { type: DataTypes.DATE, allowNull: true },
        fencing: { type: DataTypes.INTEGER, allowNull: false },
        created_at: { type: DataTypes.DATE, allowNull: false },
        started_at: { type: DataTypes.DATE, allowNull: true },
        finished_at: { type: DataTypes.DATE, allowNull: true },
      },
      { transaction },
    );
    await schema.addIndex("deployments", { fields: ["number"], unique: true, transaction });
    await schema.addIndex("deployments", {
      fields: ["environment", "number"],
      unique: false,
      transaction,
    });
    await schema.addIndex("deployments", { fields: ["status"], unique: false, transaction });
    await schema.addIndex("deployments", { fields: ["release_id"], unique: false, transaction });
    await schema.createTable(
      "deployment_steps",
      {
        id: { type: DataTypes.UUID, primaryKey: true, allowNull: false },
        deployment_id: { type: DataTypes.UUID, allowNull: false },
        wave: { type: DataTypes.INTEGER, allowNull: false },
        position: { type: DataTypes.INTEGER, allowNull: false },
        service: { type: DataTypes.STRING, allowNull: false },
        stage: { type: DataTypes.STRING, allowNull: false },
        status: { type: DataTypes.STRING, allowNull: false },
        attempt: { type: DataTypes.INTEGER, allowNull: false },
        timeout_ms: { type: DataTypes.INTEGER, allowNull: false },
        started_at: { type: DataTypes.DATE, allowNull: true },
        finished_at: { type: DataTypes.DATE, allowNull: true },
        outcome: { type: DataTypes.TEXT, allowNull: true },
        cause: { type: DataTypes.STRING, allowNull: true },
        carried: { type: DataTypes.BOOLEAN, allowNull: true },
      },
      { transaction },
    );
    await schema.addIndex("deployment_steps", {
      fields: ["deployment_id", "service", "stage"],
      unique: true,
      transaction,
    });
    await schema.createTable(
      "deployment_logs",
      {
        id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        deployment_id: { type: DataTypes.UUID, allowNull: false },
        service: { type: DataTypes.STRING, allowNull: true },
        stage: { type: DataTypes.STRING, allowNull: true },
        at: { type: DataTypes.DATE, allowNull: false },
        line: { type: DataTypes.TEXT, allowNull: false },
      },
      { transaction },
    );
    await schema.addIndex("deployment_logs", {
      fields: ["deployment_id", "id"],
      unique: false,
      transaction,
    });
    await schema.createTable(
      "service_states",
      {
        id: { type: DataTypes.UUID, primaryKey: true, allowNull: false },
        environment: { type: DataTypes.STRING, allowNull: false },
        service: { type: DataTypes.STRING, allowNull: false },
        recorded_version: { type: DataTypes.STRING, allowNull: true },
        recorded_commit: { type: DataTypes.STRING, allowNull: true },
        recorded_digest: { type: DataTypes.STRING, allowNull: true },
        deployment: { type: DataTypes.INTEGER, allowNull: true },
        deployed_by: { type: DataTypes.STRING, allowNull: true },
        deployed_by_name: { type: DataTypes.STRING, allowNull: true },
        since: { type: DataTypes.DATE, allowNull: true },
        observed_version: { type: DataTypes.STRING, allowNull: true },
        observed_commit: { type: DataTypes.STRING, allowNull: true },
        health: { type: DataTypes.STRING, allowNull: false },
        detail: { type: DataTypes.TEXT, allowNull: true },
        checked_at: { type: DataTypes.DATE, allowNull: true },
      },
      { transaction },
    );
    await schema.addIndex("service_states", {
      fields: ["environment", "service"],
      unique: true,
      transaction,
    });
    await schema.createTable(
      "events",
      {
        seq: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        id: { type: DataTypes.UUID, allowNull: false },
        name: { type: DataTypes.STRING, allowNull: false },
        payload: { type: DataTypes.JSON, allowNull: false },
        actor_subject: { type: DataTypes.STRING, allowNull: false },
        actor_username: { type: DataTypes.STRING, allowNull: false },
        actor_name: { type: DataTypes.STRING, allowNull: false },
        platform: { type: DataTypes.STRING, allowNull: false },
        ip: { type: DataTypes.STRING, allowNull: true },
        user_agent: { type: DataTypes.STRING(512), allowNull: true },
        subject_kind: { type: DataTypes.STRING, allowNull: false },
        subject_id: { type: DataTypes.STRING, allowNull: false },
        related: { type: DataTypes.JSON, allowNull: false },
        correlation_id: { type: DataTypes.STRING, allowNull: false },
        occurred_at: { type: DataTypes.DATE, allowNull: false },
        previous_hash: { type: DataTypes.STRING, allowNull: false },
        hash: { type: DataTypes.STRING, allowNull: false },
      },
      { transaction },
    );
    await schema.addIndex("events", { fields: ["id"], unique: true, transaction });
    // Each filter of the audit log reads newest first straight from an index. What stands after seq lets a second filter be
    // checked, and all be counted, without touching a row.
    await schema.addIndex("events", {
      fields: ["occurred_at", "seq"],
      unique: false,
      transaction,
    });
    await schema.addIndex("events", {
      fields: ["name", "occurred_at", "seq", "actor_subject", "subject_kind"],
      unique: false,
      transaction,
    });
    await schema.addIndex("events", {
      fields: ["actor_subject", "occurred_at", "seq", "name", "subject_kind"],
      unique: false,
      transaction,
    });
    await schema.addIndex("events", {
      fields: ["subject_kind", "occurred_at", "seq", "name", "actor_subject"],
      unique: false,
      transaction,
    });
    await schema.addIndex("events", {
      fields: ["subject_kind", "subject_id", "occurred_at", "seq"],
      unique: false,
      transaction,
    });
    await schema.createTable(
      "event_deliveries",
      {
        id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        event_seq: { type: DataTypes.INTEGER, allowNull: false },
        subscriber: { type: DataTypes.STRING, allowNull: false },
        subject: { type: DataTypes.STRING(300), allowNull: false },
        status: { type: DataTypes.STRING, allowNull: false },
        attempts: { type: DataTypes.INTEGER, allowNull: false },
        next_attempt_at: { type: DataTypes.DATE, allowNull: false },
        lease_until: { type: DataTypes.DATE, allowNull: true },
        last_error: { type: DataTypes.TEXT, allowNull: true },
        done_at: { type: DataTypes.DATE, allowNull: true },
      },
      { transaction },
    );
    await schema.addIndex("event_deliveries", {
      fields: ["event_seq", "subscriber"],
      unique: true,
      transaction,
    });
    // Only what is owed: the index stays small however much was delivered.
    await schema.addIndex("event_deliveries", {
      name: "event_deliveries_due",
      fields: ["subscriber", "event_seq"],
      unique: false,
      where: { status: "due" },
      transaction,
    });
    await schema.addIndex("event_deliveries", {
      name: "event_deliveries_due_of_subject",
      fields: ["subscriber", "subject", "event_seq"],
      unique: false,
      where: { status: "due" },
      transaction,
    });
    await schema.createTable(
      "jobs",
      {
        id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        name: { type: DataTypes.STRING, allowNull: false },
        payload: { type: DataTypes.JSON, allowNull: false },
        key: { type: DataTypes.STRING, allowNull: true },
        run_at: { type: DataTypes.DATE, allowNull: false },
        lease_until: { type: DataTypes.DATE, allowNull: true },
        attempts: { type: DataTypes.INTEGER, allowNull: false },
        status: { type: DataTypes.STRING, allowNull: false },
        last_error: { type: DataTypes.TEXT, allowNull: true },
      },
      { transaction },
    );
    await schema.addIndex("jobs", { fields: ["key"], unique: true, transaction });
    await schema.addIndex("jobs", { fields: ["status", "run_at"], unique: false, transaction });
    await schema.createTable(
      "sequences",
      {
        name: { type: DataTypes.STRING, primaryKey: true, allowNull: false },
        value: { type: DataTypes.INTEGER, allowNull: false },
      },
      { transaction },
    );
    await schema.createTable(
      "chat_actions",
      {
        token: { type: DataTypes.STRING, primaryKey: true, allowNull: false },
        action: { type: DataTypes.STRING, allowNull: false },
        payload: { type: DataTypes.JSON, allowNull: false },
        platform: { type: DataTypes.STRING, allowNull: false },
        channel_id: { type: DataTypes.STRING, allowNull: true },
        message_id: { type: DataTypes.STRING, allowNull: true },
        created_at: { type: DataTypes.DATE, allowNull: false },
        expires_at: { type: DataTypes.DATE, allowNull: false },
      },
      { transaction },
    );
    await schema.addIndex("chat_actions", { fields: ["expires_at"], unique: false, transaction });
    await schema.createTable(
      "chat_posts",
      {
        id: { type: DataTypes.UUID, primaryKey: true, allowNull: false },
        subject: { type: DataTypes.STRING, allowNull: false },
        platform: { type: DataTypes.STRING, allowNull: false },
        channel_id: { type: DataTypes.STRING, allowNull: false },
        thread_id: { type: DataTypes.STRING, allowNull: true },
        message_id: { type: DataTypes.STRING, allowNull: true },
        content_hash: { type: DataTypes.STRING, allowNull: false },
        shown: { type: DataTypes.JSON, allowNull: false },
        posted_at: { type: DataTypes.DATE, allowNull: false },
        edited_at: { type: DataTypes.DATE, allowNull: true },
      },
      { transaction },
    );
    await schema.addIndex("chat_posts", {
      fields: ["subject", "platform", "channel_id"],
      unique: true,
      transaction,
    });
    await schema.addIndex("chat_posts", {
      fields: ["platform", "channel_id", "posted_at"],
      unique: false,
      transaction,
    });
    await schema.createTable(
      "chat_deliveries",
      {
        id: { type: DataTypes.STRING(300), primaryKey: true, allowNull: false },
        received_at: { type: DataTypes.DATE, allowNull: false },
      },
      { transaction },
    );
    await schema.addIndex("chat_deliveries", {
      fields: ["received_at"],
      unique: false,
      transaction,
    });
    await schema.createTable(
      "room_channels",
      {
        name: { type: DataTypes.STRING, primaryKey: true, allowNull: false },
        topic: { type: DataTypes.STRING(500), allowNull: false },
        type: { type: DataTypes.STRING, allowNull: false },
        member: { type: DataTypes.STRING, allowNull: true },
        created_at: { type: DataTypes.DATE, allowNull: false },
      },
      { transaction },
    );
    await schema.createTable(
      "room_messages",
      {
        seq: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        id: { type: DataTypes.UUID, allowNull: false },
        channel: { type: DataTypes.STRING, allowNull: false },
        thread_id: { type: DataTypes.UUID, allowNull: true },
        author_subject: { type: DataTypes.STRING, allowNull: false },
        author_username: { type: DataTypes.STRING, allowNull: false },
        author_name: { type: DataTypes.STRING, allowNull: false },
        bot: { type: DataTypes.BOOLEAN, allowNull: false },
        text: { type: DataTypes.TEXT, allowNull: false },
        card: { type: DataTypes.JSON, allowNull: true },
        visible_to: { type: DataTypes.STRING, allowNull: true },
        created_at: { type: DataTypes.DATE, allowNull: false },
        edited_at: { type: DataTypes.DATE, allowNull: true },
      },
      { transaction },
    );
    await schema.addIndex("room_messages", { fields: ["id"], unique: true, transaction });
    await schema.addIndex("room_messages", {
      fields: ["channel", "seq"],
      unique: false,
      transaction,
    });
    await schema.addIndex("room_messages", { fields: ["thread_id"], unique: false, transaction });
  },
};
