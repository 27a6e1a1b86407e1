import { type Command, InvalidArgumentError, Option } from "commander";
import { queryText } from "../api-client.ts";
import type { DeviceJson, NotificationJson, Page, ProfileJson, SeenUnknownJson } from "../api-types.ts";
import { type CliContext, globalOptions, group, subcommand } from "../command-context.ts";
import { CliError } from "../errors.ts";
import { ago, listOf, tableOf } from "../output.ts";
import { sleepText, wakingCommands } from "./waking.ts";

/** `eim device ...` */
export function deviceCommands(program: Command, context: CliContext): void {
	const device = group(program, "device", "devices of this eIM");
	addCommand(device, context);
	listCommands(device, context);
	showCommand(device, context);
	updateCommand(device, context);
	removeCommand(device, context);
	partCommands(device, context);
	wakingCommands(device, context);
}

function addCommand(device: Command, context: CliContext): void {
	subcommand(device, "add <eid>", "register a device")
		.option("--name <name>", "name for people")
		.option("--tag <name=value...>", "free labels")
		.option(
			"--association-token <number>",
			"token that the eUICC gave for this eIM (else it says so by refusing the first package once)",
			wholeNumber,
		)
		.option("--counter <number>", "last counter value that the eUICC has taken", wholeNumber)
		.option(
			"--signing-key <id>",
			"key that the card knows this eIM by, as `key status` names it (else the current one)",
		)
		.action(async (eid: string, options, command: Command) => {
			const { name, tag, associationToken, counter, signingKey: signingKeyId } = options;
			const asked = globalOptions(command, context);
			const body = { eid, name, tags: tag && tagsOf(tag), associationToken, counter, signingKeyId };
			const made = await context.client(asked).json<DeviceJson>("POST", "/api/v1/devices", body);
			context.print(asked.json ? JSON.stringify(made) : `registered ${made.eid} (${made.name})`);
		});
}

function listCommands(device: Command, context: CliContext): void {
	subcommand(device, "list", "list devices")
		.option("--search <text>", "part of the EID or of the name")
		.option("--tag <name=value...>", "only devices with these tags")
		.option("--lab", "only devices in a lab mode")
		.option(
			"--link <link>",
			"only devices that spoke over it last: https-asn1, https-json, coap, coaps+tcp, mqtt, lwm2m",
		)
		.option("--limit <number>", "at most so many", wholeNumber, 50)
		.option("--cursor <cursor>", "go on behind the page before")
		.action(async (options, command: Command) => {
			const asked = globalOptions(command, context);
			const { search, tag, lab, link, limit, cursor } = options;
			const query = queryText({ search, tag: tag?.join(","), labMode: lab, link, limit, cursor });
			const page = await context.client(asked).json<Page<DeviceJson>>("GET", `/api/v1/devices${query}`);
			if (asked.json) return context.print(JSON.stringify(page));
			const columns = {
				EID: (row: DeviceJson) => row.eid,
				NAME: (row: DeviceJson) => row.name,
				"LAST POLL": (row: DeviceJson) => ago(row.lastPollAt, context.now()) ?? "never",
				LINK: (row: DeviceJson) => row.lastLink,
				TAGS: (row: DeviceJson) => tagText(row.tags),
				"LAB MODE": labText,
			};
			context.print(tableOf(page.items, columns, "no devices", context.columns));
			if (page.next) context.note(`more: --cursor ${page.next}`);
		});
	subcommand(device, "unknown", "list EIDs that polled without being registered").action(
		async (_options, command: Command) => {
			const asked = globalOptions(command, context);
			const page = await context.client(asked).json<Page<SeenUnknownJson>>("GET", "/api/v1/seen-unknown");
			if (asked.json) return context.print(JSON.stringify(page));
			const columns = {
				EID: (row: SeenUnknownJson) => row.eid,
				"FIRST SEEN": (row: SeenUnknownJson) => ago(row.firstSeenAt, context.now()),
				"LAST SEEN": (row: SeenUnknownJson) => ago(row.lastSeenAt, context.now()),
				TIMES: (row: SeenUnknownJson) => row.times,
			};
			context.print(tableOf(page.items, columns, "none", context.columns));
		},
	);
}

function showCommand(device: Command, context: CliContext): void {
	subcommand(device, "show <eid>", "show a device and its profiles").action(
		async (eid: string, _options, command: Command) => {
			const asked = globalOptions(command, context);
			const found = await context
				.client(asked)
				.json<DeviceJson & { profiles: readonly ProfileJson[] }>("GET", `/api/v1/devices/${encodeURIComponent(eid)}`);
			if (asked.json) return context.print(JSON.stringify(found));
			context.print(
				listOf({
					EID: found.eid,
					name: found.name,
					tags: tagText(found.tags),
					"lab mode": labText(found),
					"last poll": ago(found.lastPollAt, context.now()) ?? "never",
					"last link": found.lastLink && `${found.lastLink}, ${ago(found.lastLinkAt, context.now())}`,
					"last network": networkText(found),
					"packages brought to": found.inject && `${found.inject.url} (${found.inject.binding})`,
					"SM-DS asked": smdsPollingText(found),
					sleep: found.wakeUp || found.awake || found.nextExpected ? sleepText(found) : undefined,
					"package counter": found.counter,
					"association token": found.associationToken ?? "none known",
					association: found.releasedAt ? `released ${ago(found.releasedAt, context.now())}` : "associated",
					dialect: dialectText(found.dialect),
					"signing key": found.signingKeyId,
					"TLS trust": found.tlsTrustId,
					"eIMs on the card": found.cardEims?.map(({ eimId }) => eimId).join(", "),
					certificates: found.hasCertificates ? "known" : "unknown: asked for with the first result",
				}),
			);
			context.print(`\n${profileTable(found.profiles, context)}`);
		},
	);
}

function updateCommand(device: Command, context: CliContext): void {
	subcommand(device, "update <eid>", "change a device")
		.option("--name <name>", "name for people")
		.option("--tag <name=value...>", "replaces all tags")
		.option("--no-tags", "removes all tags")
		.option("--lab-mode <name>", "puts the device into a named lab mode")
		.option("--no-lab-mode", "takes it out of the lab mode")
		.option("--accept-unverified", "in the lab mode, results count without a verified signature")
		.option("--no-accept-unverified", "only verified results count")
		.addOption(
			new Option(
				"--sgp32-version <version>",
				"version that the IPA speaks; `learn` takes it from its messages",
			).choices(["1.0", "1.1", "1.2", "1.3", "learn"]),
		)
		.option("--euicc-version <version>", "version that the eUICC implements")
		.option("--nested-certificate-arms", "certificates and keys as a full SEQUENCE below their arm")
		.option("--associated", "the card was told of this eIM anew: with its new --association-token and --counter")
		.option("--released", "another eIM has removed this one from the card")
		.option("--association-token <number>", "token that the eUICC gave for this eIM", wholeNumber)
		.option("--counter <number>", "last counter value that the eUICC has taken", wholeNumber)
		.option("--signing-key <id>", "key that the card knows this eIM by")
		.option(
			"--inject-url <url>",
			"brings packages to the device at https://host[:443], coaps://host[:5684], mqtt: or lwm2m:",
		)
		.option("--inject-certificate <file>", "its TLS certificate (PEM)")
		.option("--inject-binding <binding>", "asn1 or json", "asn1")
		.option("--no-inject-url", "takes the address away, as an empty URL does: the device has to poll")
		.option("--poll-smds <seconds>", "asks an SM-DS for the device again and again, from 60 s on", wholeNumber)
		.option("--smds-address <address>", "the SM-DS to ask (else smds.address, else the card's root SM-DS)")
		.option("--no-poll-smds", "asks an SM-DS only when a download is ordered so")
		.action(async (eid: string, options, command: Command) => {
			const asked = globalOptions(command, context);
			const { name, tag, tags, labMode, acceptUnverified, injectUrl } = options;
			const body = {
				...(name === undefined ? {} : { name }),
				...(tag === undefined ? {} : { tags: tagsOf(tag) }),
				...(tags === false ? { tags: {} } : {}),
				...(labMode === undefined ? {} : { labMode: labMode === false ? null : labMode }),
				...(acceptUnverified === undefined ? {} : { acceptUnverified }),
				...associationOf(options),
				...dialectOf(options),
				...smdsPollingOf(options),
				...injectOf(context, options),
			};
			if (Object.keys(body).length === 0) {
				throw new CliError("CLI_USAGE", "say what to change, as --name; see eim device update --help");
			}
			const path = `/api/v1/devices/${encodeURIComponent(eid)}`;
			const changed = await context.client(asked).json<DeviceJson>("PATCH", path, body);
			const brought = injectUrl === undefined ? "" : `: ${injectText(changed)}`;
			context.print(asked.json ? JSON.stringify(changed) : `changed ${changed.eid} (${changed.name})${brought}`);
		});
}

function injectText({ inject }: DeviceJson): string {
	if (inject === undefined) return "nothing is brought to it, it has to poll";
	return `packages are brought to ${inject.url} (${inject.binding})`;
}

function networkText({ lastNetwork, lastRplmn }: DeviceJson): string | undefined {
	return lastNetwork === undefined ? lastRplmn : `${lastNetwork.mcc} ${lastNetwork.mnc}`;
}

/** An empty URL takes the address away: that is what scripts have when a variable is empty. */
function injectOf(
	{ readFile }: Pick<CliContext, "readFile">,
	options: { injectUrl?: string | false; injectCertificate?: string; injectBinding: string },
): object {
	const { injectUrl: url, injectCertificate: file, injectBinding: binding } = options;
	if (url === undefined || url === false || url === "") {
		if (file !== undefined) throw new CliError("CLI_USAGE", "--inject-certificate needs --inject-url");
		return url === undefined ? {} : { inject: null };
	}
	// What is no address at all is for the eIM to refuse, which says what would be one.
	if (/^https:/.test(url) && file === undefined) {
		throw new CliError("CLI_USAGE", "--inject-url https://... needs --inject-certificate");
	}
	if (file === undefined) return { inject: { url, binding } };
	return { inject: { url, binding, certificate: new TextDecoder().decode(readFile(file)) } };
}

function smdsPollingOf({ pollSmds: every, smdsAddress: address }: Readonly<Record<string, unknown>>): object {
	if (every === false) return { smdsPolling: null };
	if (every !== undefined) return { smdsPolling: { every, ...(address === undefined ? {} : { address }) } };
	if (address !== undefined) throw new CliError("CLI_USAGE", "--smds-address needs --poll-smds");
	return {};
}

function smdsPollingText({ smdsPolling }: DeviceJson): string | undefined {
	if (smdsPolling === undefined) return undefined;
	const { every, address = "the SM-DS of the configuration or the card", nextAt, lastError } = smdsPolling;
	const next = nextAt === undefined ? "" : `, next ${nextAt}`;
	return `${address} every ${every} s${next}${lastError === undefined ? "" : `; last failed: ${lastError}`}`;
}

/** All of the dialect at once: what is not named is learnt again. */
function dialectOf({ sgp32Version, euiccVersion, nestedCertificateArms }: Readonly<Record<string, unknown>>): object {
	if (sgp32Version === undefined && euiccVersion === undefined && nestedCertificateArms === undefined) return {};
	const dialect = {
		...(sgp32Version === undefined || sgp32Version === "learn" ? {} : { version: sgp32Version }),
		...(euiccVersion === undefined ? {} : { euiccVersion }),
		...(nestedCertificateArms === undefined ? {} : { nestedCertificateArms }),
	};
	return { dialect };
}

function dialectText({ version, versionFrom, euiccVersion, nestedCertificateArms }: DeviceJson["dialect"]): string {
	const from = versionFrom === undefined ? "assumed" : versionFrom === "operator" ? "set" : `from ${versionFrom}`;
	const card = euiccVersion === undefined ? "" : `, eUICC ${euiccVersion}`;
	return `SGP.32 v${version} (${from})${card}${nestedCertificateArms ? ", nested certificate arms" : ""}`;
}

function associationOf(options: Readonly<Record<string, unknown>>): object {
	const { associated, released, associationToken, counter, signingKey } = options;
	if (associated && released) throw new CliError("CLI_USAGE", "--associated and --released: it is one or the other");
	return {
		...(associated ? { association: "associated" } : {}),
		...(released ? { association: "released" } : {}),
		...(associationToken === undefined ? {} : { associationToken }),
		...(counter === undefined ? {} : { counter }),
		...(signingKey === undefined ? {} : { signingKeyId: signingKey }),
	};
}

function removeCommand(device: Command, context: CliContext): void {
	subcommand(device, "remove <eid>", "remove a device with all that is known of it")
		.option("--yes", "do it: without this only what would be removed is shown")
		.action(async (eid: string, options, command: Command) => {
			const asked = globalOptions(command, context);
			const client = context.client(asked);
			const path = `/api/v1/devices/${encodeURIComponent(eid)}`;
			const found = await client.json<DeviceJson>("GET", path);
			if (!options.yes) {
				throw new CliError("CLI_USAGE", `this would remove ${found.eid} (${found.name}); repeat with --yes`);
			}
			await client.json("DELETE", path);
			context.print(asked.json ? JSON.stringify({ eid: found.eid, removed: true }) : `removed ${found.eid}`);
		});
}

function partCommands(device: Command, context: CliContext): void {
	subcommand(device, "profiles <eid>", "list profiles as the eUICC last reported them").action(
		async (eid: string, _options, command: Command) => {
			const asked = globalOptions(command, context);
			const path = `/api/v1/devices/${encodeURIComponent(eid)}/profiles`;
			const page = await context.client(asked).json<Page<ProfileJson>>("GET", path);
			context.print(asked.json ? JSON.stringify(page) : profileTable(page.items, context));
		},
	);
	subcommand(device, "notifications <eid>", "list notifications and their delivery").action(
		async (eid: string, _options, command: Command) => {
			const asked = globalOptions(command, context);
			const path = `/api/v1/devices/${encodeURIComponent(eid)}/notifications`;
			const page = await context.client(asked).json<Page<NotificationJson>>("GET", path);
			if (asked.json) return context.print(JSON.stringify(page));
			const columns = {
				SEQ: (row: NotificationJson) => row.seqNumber,
				EVENT: (row: NotificationJson) => row.event,
				ICCID: (row: NotificationJson) => row.iccid,
				TO: (row: NotificationJson) => row.address,
				DELIVERY: (row: NotificationJson) => row.delivery.state,
				TRIES: (row: NotificationJson) => row.delivery.attempts,
				"LAST ERROR": (row: NotificationJson) => row.delivery.lastError,
			};
			context.print(tableOf(page.items, columns, "no notifications", context.columns));
		},
	);
}

function profileTable(profiles: readonly ProfileJson[], context: CliContext): string {
	const columns = {
		ICCID: (row: ProfileJson) => row.iccid,
		STATE: (row: ProfileJson) => row.state,
		PROVIDER: (row: ProfileJson) => row.serviceProviderName,
		NAME: (row: ProfileJson) => row.nickname ?? row.profileName,
		CLASS: (row: ProfileJson) => row.profileClass,
		FALLBACK: (row: ProfileJson) => (row.isFallback ? "yes" : undefined),
	};
	return tableOf(profiles, columns, "no profiles known: order listProfiles", context.columns);
}

function labText(device: DeviceJson): string | undefined {
	if (!device.labMode) return undefined;
	return device.acceptUnverified ? `${device.labMode} (ACCEPTS UNVERIFIED RESULTS)` : device.labMode;
}

const tagText = (tags: Readonly<Record<string, string>>) =>
	Object.entries(tags)
		.map(([name, value]) => `${name}=${value}`)
		.join(" ") || undefined;

function tagsOf(pairs: readonly string[]): Record<string, string> {
	return Object.fromEntries(
		pairs.map((pair) => {
			const at = pair.indexOf("=");
			if (at < 1) throw new CliError("CLI_USAGE", `--tag ${pair}: a tag is name=value`);
			return [pair.slice(0, at), pair.slice(at + 1)];
		}),
	);
}

export function wholeNumber(text: string): number {
	if (!/^\d+$/.test(text)) throw new InvalidArgumentError("It is a whole number.");
	return Number(text);
}
