import type { Command } from "commander";
import type { EimKeysJson } from "../api-types.ts";
import { type CliContext, globalOptions, group, subcommand } from "../command-context.ts";
import { tableOf } from "../output.ts";
import { wholeNumber } from "./device.ts";

/** `eim key ...`: the keys by which cards know this eIM. */
export function keyCommands(program: Command, context: CliContext): void {
	const key = group(program, "key", "signing key and TLS trust by which cards know this eIM");
	subcommand(key, "status", "how many devices know which keys: how far a roll-over is").action(
		async (_options, command: Command) => {
			const asked = globalOptions(command, context);
			const keys = await context.client(asked).json<EimKeysJson>("GET", "/api/v1/eim-keys");
			if (asked.json) return context.print(JSON.stringify(keys));
			type Row = EimKeysJson["counts"][number];
			const columns = {
				"SIGNING KEY": (row: Row) => row.signingKeyId,
				"TLS TRUST": (row: Row) => row.tlsTrustId,
				DEVICES: (row: Row) => row.devices,
				"UPDATES UNDER WAY": (row: Row) => row.updating,
				"": (row: Row) => (row.isCurrent ? "current" : row.isConfigured ? "outdated" : "outdated, KEY NOT CONFIGURED"),
			};
			context.print(tableOf(keys.counts, columns, "no devices", context.columns));
			context.print(`\n${keys.outdated === 0 ? "all devices know the current keys" : leftText(keys)}`);
		},
	);
	subcommand(key, "update", "order updateEim from devices that do not know the current keys yet")
		.option("--limit <number>", "from at most so many now; try one device first", wholeNumber)
		.option("--expires-in <seconds>", "give up after so long without a result", wholeNumber)
		.action(async (options, command: Command) => {
			const asked = globalOptions(command, context);
			const { limit, expiresIn } = options;
			type Ordered = Pick<EimKeysJson, "outdated" | "updating"> & { readonly ordered: number };
			const answer = await context
				.client(asked)
				.json<Ordered>("POST", "/api/v1/eim-keys/updates", { limit, expiresIn });
			context.print(asked.json ? JSON.stringify(answer) : `ordered ${answer.ordered}; ${leftText(answer)}`);
		});
}

function leftText({ outdated, updating }: Pick<EimKeysJson, "outdated" | "updating">): string {
	return `${outdated} devices still know older keys, ${updating} of them have an update under way`;
}
