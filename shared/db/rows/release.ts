import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";
import type { ReleaseKind, ReleaseStatus } from "../../contract/release.ts";

/** A repository that could not be compared, and why. */
export interface StoredProblem {
  readonly repository: string;
  readonly code: string;
  readonly reason: string;
  readonly remedy: string;
}

/** A set of items to take from here to there. */
export class ReleaseRow extends Model<
  InferAttributes<ReleaseRow>,
  InferCreationAttributes<ReleaseRow>
> {
  declare id: string;
  declare number: number;
  declare kind: ReleaseKind;
  declare status: ReleaseStatus;
  declare sourceBranch: CreationOptional<string | null>;
  declare destinationBranch: CreationOptional<string | null>;
  declare fromEnvironment: CreationOptional<string | null>;
  /** The environment the status speaks of. */
  declare targetEnvironment: CreationOptional<string | null>;
  /** Set while open; unique, so that one pair of branches has one open release. */
  declare openKey: CreationOptional<string | null>;
  /** Repositories it was limited to when it was created; null: every configured one, also those added later. */
  declare repositories: CreationOptional<readonly string[] | null>;
  declare fingerprint: string;
  declare notes: string;
  declare breakingChanges: string;
  declare draftNotes: string;
  declare problems: readonly StoredProblem[];
  declare lastChanges: readonly string[];
  /** For a promotion: the comparison it was made from. */
  declare diffHash: CreationOptional<string | null>;
  /** Subject. */
  declare createdBy: string;
  declare createdAt: Date;
  declare refreshedAt: Date;
  declare closedBy: CreationOptional<string | null>;
  declare closedAt: CreationOptional<Date | null>;
  declare closedReason: CreationOptional<string | null>;
  /** Grows with every change; compare-and-set on it. */
  declare version: number;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    ReleaseRow.init(
      {
        id: { type: DataTypes.UUID, primaryKey: true },
        number: { type: DataTypes.INTEGER, allowNull: false },
        kind: { type: DataTypes.STRING, allowNull: false },
        status: { type: DataTypes.STRING, allowNull: false },
        sourceBranch: { type: DataTypes.STRING(1000), allowNull: true },
        destinationBranch: { type: DataTypes.STRING(1000), allowNull: true },
        fromEnvironment: { type: DataTypes.STRING, allowNull: true },
        targetEnvironment: { type: DataTypes.STRING, allowNull: true },
        openKey: { type: DataTypes.STRING(2100), allowNull: true },
        repositories: { type: DataTypes.JSON, allowNull: true },
        fingerprint: { type: DataTypes.STRING, allowNull: false },
        notes: { type: DataTypes.TEXT, allowNull: false },
        breakingChanges: { type: DataTypes.TEXT, allowNull: false },
        draftNotes: { type: DataTypes.TEXT, allowNull: false },
        problems: { type: DataTypes.JSON, allowNull: false },
        lastChanges: { type: DataTypes.JSON, allowNull: false },
        diffHash: { type: DataTypes.STRING, allowNull: true },
        createdBy: { type: DataTypes.STRING, allowNull: false },
        createdAt: { type: DataTypes.DATE, allowNull: false },
        refreshedAt: { type: DataTypes.DATE, allowNull: false },
        closedBy: { type: DataTypes.STRING, allowNull: true },
        closedAt: { type: DataTypes.DATE, allowNull: true },
        closedReason: { type: DataTypes.TEXT, allowNull: true },
        version: { type: DataTypes.INTEGER, allowNull: false },
      },
      { sequelize, tableName: "releases", underscored: true, timestamps: false },
    );
  }
}
