import type { Command } from "commander";
import type { DeviceJson, Page, WakeUpJson } from "../api-types.ts";
import { type CliContext, globalOptions, subcommand } from "../command-context.ts";
import { CliError } from "../errors.ts";
import { ago, tableOf } from "../output.ts";
import { wholeNumber } from "./device.ts";

/** `eim device waking`, `eim device wake-ups`. */
export function wakingCommands(device: Command, context: CliContext): void {
	subcommand(device, "waking <eid>", "say how a device that sleeps is woken, and when it is awake")
		.option("--sms <number>", "by short message to this number, as +491701234567")
		.option("--sms-port <number>", "destination port of the application in the device", wholeNumber)
		.option("--sms-payload <hex>", "what stands in the message (else smpp.payload)")
		.option("--webhook [url]", "by your platform (wake.webhook.url without a url)")
		.option("--reference <text>", "what your platform calls the device")
		.option("--never", "it is not woken")
		.option("--every <seconds>", "it wakes by itself so often", wholeNumber)
		.option("--for <seconds>", "and stays awake so long", wholeNumber)
		.option("--at <time>", "a moment at which it wakes, as 2026-01-01T00:00:00Z (else its last waking)")
		.option("--psm <timers...>", "power saving mode: T3412 and T3324, seconds or the bits of AT+CPSMS")
		.option("--edrx <seconds...>", "extended DRX: cycle and paging window")
		.option("--always", "nothing is known of its sleep")
		.action(async (eid: string, options, command: Command) => {
			const asked = globalOptions(command, context);
			const body = { ...wakeUpOf(options), ...awakeOf(options) };
			if (Object.keys(body).length === 0) {
				throw new CliError("CLI_USAGE", "say how it is woken or when it is awake; see eim device waking --help");
			}
			const path = `/api/v1/devices/${encodeURIComponent(eid)}`;
			const changed = await context.client(asked).json<DeviceJson>("PATCH", path, body);
			context.print(asked.json ? JSON.stringify(changed) : `changed ${changed.eid}: ${sleepText(changed)}`);
		});
	subcommand(device, "wake-ups <eid>", "list when a device was woken, and what came of it").action(
		async (eid: string, _options, command: Command) => {
			const asked = globalOptions(command, context);
			const path = `/api/v1/devices/${encodeURIComponent(eid)}/wake-ups`;
			const page = await context.client(asked).json<Page<WakeUpJson>>("GET", path);
			if (asked.json) return context.print(JSON.stringify(page));
			const columns = {
				WHEN: (row: WakeUpJson) => ago(row.createdAt, context.now()),
				BY: (row: WakeUpJson) => row.via,
				STATE: (row: WakeUpJson) => row.state,
				WAITING: (row: WakeUpJson) => row.waiting,
				"MESSAGE ID": (row: WakeUpJson) => row.reference,
				ERROR: (row: WakeUpJson) => row.error,
			};
			context.print(tableOf(page.items, columns, "never woken", context.columns));
		},
	);
}

type Options = Readonly<Record<string, unknown>>;

function wakeUpOf({ sms, smsPort: port, smsPayload: payload, webhook, reference, never }: Options): object {
	if ([sms, webhook, never].filter((way) => way !== undefined).length > 1) {
		throw new CliError("CLI_USAGE", "--sms, --webhook and --never: it is one of them");
	}
	if (never) return { wakeUp: null };
	if (sms !== undefined) {
		return {
			wakeUp: {
				via: "sms",
				msisdn: sms,
				...(port === undefined ? {} : { port }),
				...(payload === undefined ? {} : { payload }),
			},
		};
	}
	if (webhook === undefined) return {};
	return {
		wakeUp: {
			via: "webhook",
			...(webhook === true ? {} : { url: webhook }),
			...(reference === undefined ? {} : { reference }),
		},
	};
}

function awakeOf({ every, for: length, at, psm, edrx, always }: Options): object {
	if ([every, psm, edrx, always].filter((rule) => rule !== undefined).length > 1) {
		throw new CliError("CLI_USAGE", "--every, --psm, --edrx and --always: it is one of them");
	}
	if (always) return { awake: null };
	if (psm !== undefined) {
		const [periodicTimer, activeTimer] = pairOf("--psm", psm).map((text) =>
			/^[01]{8}$/.test(text) ? text : wholeNumber(text),
		);
		return { awake: { psm: { periodicTimer, activeTimer } } };
	}
	if (edrx !== undefined) {
		const [cycle, window] = pairOf("--edrx", edrx).map(wholeNumber);
		return { awake: { edrx: { cycle, window } } };
	}
	if (every === undefined) return {};
	if (length === undefined) throw new CliError("CLI_USAGE", "--every needs --for");
	return { awake: { every, for: length, ...(at === undefined ? {} : { at }) } };
}

function pairOf(option: string, given: unknown): readonly string[] {
	const values = given as readonly string[];
	if (values.length === 2) return values;
	throw new CliError("CLI_USAGE", `${option} takes two values`);
}

/** How a device is woken and when it is next expected, for people. */
export function sleepText({ wakeUp, awake, nextExpected }: DeviceJson): string {
	const way = wakeUp?.via === "sms" ? `woken by sms to ${wakeUp.msisdn}` : wakeUp && `woken by ${wakeUp.via}`;
	const rule = awake && `awake ${awake.for} s every ${awake.every} s (${awake.by})`;
	const state = nextExpected?.isAwake ? "awake now" : nextExpected && `expected at ${nextExpected.from}`;
	const next = nextExpected && `${state} (${nextExpected.by === "polls" ? "from its polls" : nextExpected.by})`;
	return [way ?? "not woken", rule, next].filter((part) => part !== undefined).join(", ");
}
