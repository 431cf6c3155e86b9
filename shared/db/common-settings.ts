import { CommonSettingRow } from "./rows/common-setting.ts";
import type { UnitOfWork } from "./unit-of-work.types.ts";

/** What all processes on this database have in common under this name: the value that was first. */
export async function agreeOn(uow: UnitOfWork, name: string, value: string): Promise<string> {
  const known = await CommonSettingRow.findByPk(name);
  if (known) {
    return known.value;
  }
  return uow.run(async (tx) => {
    await CommonSettingRow.bulkCreate([{ name, value }], {
      ignoreDuplicates: true,
      transaction: tx.sequelize,
    });
    const row = await CommonSettingRow.findByPk(name, { transaction: tx.sequelize });
    return row?.value ?? value;
  });
}
