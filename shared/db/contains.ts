import { Op, col, fn, literal, where, type Sequelize } from "sequelize";

/**
 * A condition: the column contains this text, which means only itself. Small and capital letters of ASCII are the same; other
 * letters are compared as they are, because the databases do not agree on them.
 */
export function contains(sequelize: Sequelize | undefined, column: string, text: string) {
  const small = text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  const pattern = `%${small.replace(/[\\%_]/g, "\\$&")}%`;
  const quoted = sequelize?.escape(pattern) ?? "''";
  return where(fn("lower", col(column)), { [Op.like]: literal(`${quoted} ESCAPE '\\'`) });
}
