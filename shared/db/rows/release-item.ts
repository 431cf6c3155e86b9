import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";
import type { CiState, PullRequest } from "../../core/ports/scm.ts";

export interface StoredCommit {
  readonly sha: string;
  readonly title: string;
  readonly authors: readonly { readonly name: string; readonly email: string }[];
  /** ISO 8601. */
  readonly authoredAt: string;
  readonly url: string | null;
  readonly breaking: boolean;
}

export interface StoredContributor {
  readonly name: string;
  readonly email: string;
  readonly commitCount: number;
}

/** One service in a release. */
export class ReleaseItemRow extends Model<
  InferAttributes<ReleaseItemRow>,
  InferCreationAttributes<ReleaseItemRow>
> {
  declare id: string;
  declare releaseId: string;
  declare service: string;
  declare repository: string;
  /** `RepoRef.provider` when it was last read; null for items that were never read from source control. */
  declare provider: CreationOptional<string | null>;
  declare path: string;
  declare baseSha: CreationOptional<string | null>;
  declare headSha: CreationOptional<string | null>;
  declare mergeBaseSha: CreationOptional<string | null>;
  declare fromVersion: CreationOptional<string | null>;
  declare toVersion: CreationOptional<string | null>;
  declare digest: CreationOptional<string | null>;
  declare commitCount: number;
  declare behindCount: number;
  declare truncated: boolean;
  declare commits: readonly StoredCommit[];
  declare contributors: readonly StoredContributor[];
  declare fileCount: number;
  declare migrations: readonly string[];
  declare breaking: boolean;
  declare patchIdentity: CreationOptional<string | null>;
  declare pullRequest: PullRequest | null;
  declare ci: CiState | null;
  declare excluded: boolean;
  declare excludedReason: CreationOptional<string | null>;
  declare dependsOn: readonly string[];
  declare lastChange: CreationOptional<string | null>;
  declare landedAt: CreationOptional<Date | null>;
  /** The commit of the destination that held this content first: the head itself, or the merge of it. */
  declare landedSha: CreationOptional<string | null>;
  /** The head that was landed: with another one nothing has landed. */
  declare landedHead: CreationOptional<string | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    ReleaseItemRow.init(
      {
        id: { type: DataTypes.UUID, primaryKey: true },
        releaseId: { type: DataTypes.UUID, allowNull: false },
        service: { type: DataTypes.STRING, allowNull: false },
        repository: { type: DataTypes.STRING, allowNull: false },
        provider: { type: DataTypes.STRING, allowNull: true },
        path: { type: DataTypes.STRING, allowNull: false },
        baseSha: { type: DataTypes.STRING, allowNull: true },
        headSha: { type: DataTypes.STRING, allowNull: true },
        mergeBaseSha: { type: DataTypes.STRING, allowNull: true },
        fromVersion: { type: DataTypes.STRING, allowNull: true },
        toVersion: { type: DataTypes.STRING, allowNull: true },
        digest: { type: DataTypes.STRING, allowNull: true },
        commitCount: { type: DataTypes.INTEGER, allowNull: false },
        behindCount: { type: DataTypes.INTEGER, allowNull: false },
        truncated: { type: DataTypes.BOOLEAN, allowNull: false },
        commits: { type: DataTypes.JSON, allowNull: false },
        contributors: { type: DataTypes.JSON, allowNull: false },
        fileCount: { type: DataTypes.INTEGER, allowNull: false },
        migrations: { type: DataTypes.JSON, allowNull: false },
        breaking: { type: DataTypes.BOOLEAN, allowNull: false },
        patchIdentity: { type: DataTypes.STRING, allowNull: true },
        pullRequest: { type: DataTypes.JSON, allowNull: true },
        ci: { type: DataTypes.JSON, allowNull: true },
        excluded: { type: DataTypes.BOOLEAN, allowNull: false },
        excludedReason: { type: DataTypes.TEXT, allowNull: true },
        dependsOn: { type: DataTypes.JSON, allowNull: false },
        lastChange: { type: DataTypes.TEXT, allowNull: true },
        landedAt: { type: DataTypes.DATE, allowNull: true },
        landedSha: { type: DataTypes.STRING, allowNull: true },
        landedHead: { type: DataTypes.STRING, allowNull: true },
      },
      { sequelize, tableName: "release_items", underscored: true, timestamps: false },
    );
  }
}
