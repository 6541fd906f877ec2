import path from "node:path";
import type { Command } from "commander";
import { plainText } from "../observe/plain-text.ts";
import { backUpDatabase, checkDatabase, type DatabaseReport, migrateDatabase } from "../store/maintenance.ts";
import type { CommandContext } from "./context.ts";
import { exitCodes } from "./exit-code.ts";
import { loadSettings, withSettingsOptions } from "./settings-options.ts";
import { version } from "./version.ts";

const pathCharsMax = 500;

/** `zombied db backup`, `check` and `migrate`. */
export function addDatabase(program: Command, context: CommandContext): void {
	const db = program.command("db").description("look after the database").addHelpText("after", examples);
	addBackup(db, context);
	addCheck(db, context);
	addMigrate(db, context);
}

function addBackup(db: Command, context: CommandContext): void {
	const backup = db
		.command("backup")
		.description("copy the database into a new file; the daemon may run meanwhile")
		.argument("<file>", "where to; must not exist");
	withSettingsOptions(backup, ["store"]).action(async (file: string) => {
		const { settings } = loadSettings(context, backup);
		await backUpDatabase(settings.store.url, path.resolve(context.folder, file));
		context.stdout.write(`wrote ${plainText(file, pathCharsMax)}\n`);
	});
}

function addCheck(db: Command, context: CommandContext): void {
	const check = db
		.command("check")
		.description("read the whole database; 10 when it is damaged. The daemon may run meanwhile");
	withSettingsOptions(check, ["store"])
		.option("--json", "one JSON object")
		.action(() => {
			const { settings } = loadSettings(context, check);
			const report = checkDatabase(settings.store.url);
			context.stdout.write(check.opts().json === true ? asJson(report) : asText(report));
			if (report.faults.length > 0) context.finish(exitCodes.badAnswer);
		});
}

function addMigrate(db: Command, context: CommandContext): void {
	const migrate = db
		.command("migrate")
		.description("bring the database to this version's schema, as `run` does; not while a daemon runs");
	withSettingsOptions(migrate, ["store"]).action(async () => {
		const { settings } = loadSettings(context, migrate);
		const { from, to } = await migrateDatabase(settings.store.url, {
			clock: context.clock,
			appVersion: version,
			onMalformedRow: () => undefined,
			onDamaged: null,
			knownDamage: null,
		});
		context.stdout.write(from === to ? `nothing to do: schema ${to}\n` : `schema ${from} -> ${to}\n`);
	});
}

function asJson({ path: file, schemaVersion, faults, rowsAside }: DatabaseReport): string {
	const sound = faults.length === 0;
	return `${JSON.stringify({ path: file, schema: schemaVersion, sound, faults, rows_aside: rowsAside })}\n`;
}

function asText({ path: file, schemaVersion, faults, rowsAside }: DatabaseReport): string {
	const shown = plainText(file, pathCharsMax);
	const aside = rowsAside === 0 ? "" : `; ${rowsAside} rows could not be understood and were put aside`;
	if (faults.length === 0) return `${shown} is sound (schema ${schemaVersion})${aside}\n`;
	const lines = faults.map((fault) => `  ${plainText(fault, pathCharsMax)}\n`);
	return `${shown} is damaged (schema ${schemaVersion})${aside}:\n${lines.join("")}`;
}

const examples = `
Examples:
  zombied db backup /backups/zombied-$(date +%F).db
  zombied db check --store.url sqlite:/backups/zombied.db
  zombied db migrate`;
