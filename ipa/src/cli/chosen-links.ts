/** The links that the settings name, and the choice between them. */

import { requireAddon } from "@iot-esim/shared/transport/native/dtls/dtls-available";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { IpaConfig } from "../config.ts";
import type { LinkChoice, LinkPlan } from "../esipa/link-choice.ts";
import { choosingLink } from "../esipa/link-choice-link.ts";
import type { IpaEvent } from "../procedures/ipa-event.ts";
import { type LinkEffects, type LinkEvents, type LinkMaker, makerOf, TRANSPORTS } from "./eim-transports.ts";
import { IpaCliError } from "./errors.ts";

/** The links of a device. */
export interface ChosenLinks {
	/** What can work here, as in the settings, the cheapest first. */
	readonly transports: readonly string[];
	readonly make: (target: Parameters<LinkMaker>[0], eid: Uint8Array, events: ChosenLinkEvents) => ReturnType<LinkMaker>;
}

export interface ChosenLinkEvents extends LinkEvents {
	/** Another link is in use, or another one is in trouble; never with one link alone. */
	readonly chosen: (choice: LinkChoice) => void;
}

export interface ChosenLinkEffects extends LinkEffects {
	/** The device's network is paid by volume; never when absent. */
	readonly isMetered?: () => boolean;
	/** Throws an EsimError where this device cannot speak DTLS; looks for the addon when absent. */
	readonly requireDtls?: () => unknown;
}

/**
 * The links of `eim.links`, or the one of `eim.transport`. A link of several that cannot work on this device is left out,
 * and said to be in the log; a single one has to work.
 * @throws IpaCliError IPA_SETTING_INVALID, IPA_FILE_INVALID; EsimError of what is missing when nothing is left
 */
export function chosenLinks(config: IpaConfig, effects: ChosenLinkEffects): ChosenLinks {
	const plans = linkPlans(config);
	const [only] = plans;
	if (plans.length < 2) {
		const name = only?.name ?? config["eim.transport"];
		return { transports: [name], make: makerOf(name, config, effects) };
	}
	const log = effects.logger("ipa.links");
	const unusable: Record<string, string> = {};
	const makers = new Map<string, LinkMaker>();
	let failure: unknown;
	for (const { name } of plans) {
		const missing = name === "coap" ? missingBy(effects.requireDtls ?? requireAddon) : undefined;
		if (missing === undefined) {
			makers.set(name, makerOf(name, config, effects));
			continue;
		}
		failure ??= missing;
		unusable[name] = missing.message;
		log.warn(`${name} is left out: ${missing.message}`, {});
	}
	if (makers.size === 0) throw failure;
	const stays = (name: string) =>
		name === "mqtt" ? config["mqtt.takesPackages"] : name.startsWith("coap") && config["coap.stay"];
	return {
		transports: [...makers.keys()],
		make: (target, eid, events) =>
			choosingLink({
				links: plans.flatMap((plan) => {
					const make = makers.get(plan.name);
					return make === undefined
						? []
						: [{ ...plan, stays: stays(plan.name), make: () => make(target, eid, events) }];
				}),
				unusable,
				isMetered: effects.isMetered ?? (() => false),
				onChange: events.chosen,
				retryAfter: config["links.retryAfter"],
				retryAtMost: config["links.retryAtMost"],
				clock: effects.clock,
				random: effects.random,
				log,
			}),
	};
}

/** Links by cost; without costs, in the order of the list. */
export function linkPlans(config: IpaConfig): readonly LinkPlan[] {
	const notOnMetered = config["links.notOnMetered"];
	const plans = config["eim.links"].map((text, index) => {
		const [name = "", cost = String(index + 1)] = text.split("=");
		if (!TRANSPORTS.includes(name)) {
			throw invalid(`eim.links: "${name}" is none of ${TRANSPORTS.join(", ")}`);
		}
		if (!/^\d{1,6}(\.\d{1,6})?$/.test(cost)) throw invalid(`eim.links: the cost "${cost}" of ${name} is no number`);
		return { name, cost: Number(cost), isForMetered: !notOnMetered.includes(name) };
	});
	const names = plans.map(({ name }) => name);
	const twice = names.find((name, index) => names.indexOf(name) !== index);
	if (twice !== undefined) throw invalid(`eim.links: ${twice} is there twice`);
	const unknown = notOnMetered.find((name) => !names.includes(name));
	if (unknown !== undefined) throw invalid(`links.notOnMetered: "${unknown}" is none of eim.links`);
	if (plans.length > 0 && plans.every(({ isForMetered }) => !isForMetered)) {
		throw invalid("links.notOnMetered: no link of eim.links is left for a network that is paid by volume");
	}
	return plans.sort((a, b) => a.cost - b.cost);
}

/** What the agent tells of a choice. */
export function linkChanged(eimId: string, { plans, current, troubles }: LinkChoice): IpaEvent {
	const names = [...new Set([...plans.map(({ name }) => name), ...Object.keys(troubles)])];
	const others = names.flatMap((link) => {
		const trouble = troubles[link];
		if (trouble === undefined) return [];
		const { reason, retryAt } = trouble;
		return [{ link, reason, ...(retryAt === "never" ? {} : { retryAt }) }];
	});
	return { type: "link-changed", eimId, link: current, others };
}

/** What the device lacks for a link. */
function missingBy(require: () => unknown): EsimError | undefined {
	try {
		require();
		return undefined;
	} catch (error) {
		if (error instanceof EsimError) return error;
		throw error;
	}
}

function invalid(text: string): IpaCliError {
	return new IpaCliError("IPA_SETTING_INVALID", text);
}
