import { EimSupportedProtocol } from "@iot-esim/shared/messages/sgp32/eim-configuration";
import type { EimConfiguration } from "../card/eim-configuration.ts";
import type { Es10 } from "../card/es10.ts";
import type { IpaProtocol } from "./download-mode.ts";

/** What the card says of itself when the agent begins to work with it. */
export interface CardIdentity {
	readonly eid: Uint8Array;
	/** Every eIM that the card is associated with. */
	readonly configurations: readonly EimConfiguration[];
	readonly pendingNotifications: readonly Uint8Array[];
}

/**
 * The start of an IPA: EID, eIM configuration, pending notifications, in this order. The channel (TERMINAL CAPABILITY,
 * MANAGE CHANNEL, SELECT ISD-R) is opened by the first command.
 */
export async function startUp(es10: Pick<Es10, keyof Es10>): Promise<CardIdentity> {
	const eid = await es10.getEid();
	const configurations = await es10.getEimConfigurationData();
	const pendingNotifications = await es10.retrieveNotifications();
	return { eid, configurations, pendingNotifications };
}

/**
 * The eIMs to poll, or the chosen one alone when `eimId` names it: those that offer what the IPA speaks. Cards in the
 * field name only the proprietary bit for eIMs that do answer over HTTPS: when none offers it, all are tried.
 */
export function eimsToPoll(
	configurations: readonly EimConfiguration[],
	eimId: string | undefined,
	spoken: readonly IpaProtocol[] = ["ipaRetrieveHttps"],
): readonly EimConfiguration[] {
	const wanted = configurations.filter((one) => eimId === undefined || one.eimId === eimId);
	const offering = wanted.filter((one) => offersRetrieval(one, spoken));
	return offering.length > 0 ? offering : wanted;
}

/** True when the eIM offers retrieval over what the IPA speaks, or does not say what it offers. */
export function offersRetrieval(
	{ supportedProtocol: bits }: EimConfiguration,
	spoken: readonly IpaProtocol[],
): boolean {
	if (bits === undefined || bits === "") return true;
	return spoken.some((protocol) => {
		const offer = OFFERS[protocol];
		return offer !== undefined && EimSupportedProtocol.has(bits, offer);
	});
}

/** What an eIM offers to an IPA that speaks a protocol. */
const OFFERS: Readonly<Partial<Record<IpaProtocol, "eimRetrieveHttps" | "eimRetrieveCoaps" | "eimProprietary">>> = {
	ipaRetrieveHttps: "eimRetrieveHttps",
	ipaRetrieveCoaps: "eimRetrieveCoaps",
	ipaProprietary: "eimProprietary",
};
