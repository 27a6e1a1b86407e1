import { Asn1Error } from "@iot-esim/shared/asn1/schema";
import { readTlv } from "@iot-esim/shared/asn1/tlv-reader";
import { boundedWarnings } from "@iot-esim/shared/runtime/bounded-warnings";
import { authenticateClient } from "./authenticate-client.ts";
import { cancelSession } from "./cancel-session.ts";
import { EsipaError } from "./errors.ts";
import type { EsipaContext, EsipaDeps, EsipaPeer } from "./esipa-deps.ts";
import { EuiccKeys } from "./euicc-keys.ts";
import { packageBuilder } from "./euicc-package.ts";
import { getBoundProfilePackage } from "./get-bound-profile-package.ts";
import { getEimPackage } from "./get-eim-package.ts";
import { handleNotification } from "./handle-notification.ts";
import { initiateAuthentication } from "./initiate-authentication.ts";
import { provideEimPackageResult } from "./provide-eim-package-result.ts";
import { SigningKeys } from "./signing-keys.ts";

/** ESipa over any transport: octets in, octets out. */
export interface EsipaHandler {
	/**
	 * Answers one EsipaMessageFromIpaToEim; null where the function has no answer (HandleNotification).
	 * What an ESipa answer can say is answered; everything else is thrown, and then nothing of the message was taken.
	 * @throws EsipaError ESIPA_MESSAGE_UNKNOWN, ESIPA_MESSAGE_INVALID, ESIPA_NOTIFICATION_REFUSED, ESIPA_OTHER_DEVICE
	 */
	handle(body: Uint8Array, peer: EsipaPeer): Promise<Uint8Array | null>;
}

type EsipaFunction = (context: EsipaContext, body: Uint8Array, peer: EsipaPeer) => Promise<Uint8Array | null>;

/** The eIM's side of ESipa (SGP.32 section 5.14). */
export function createEsipaHandler(deps: EsipaDeps): EsipaHandler {
	const context = esipaContext(deps);
	const build = packageBuilder(deps);
	const functions: Readonly<Record<number, EsipaFunction>> = {
		48953: initiateAuthentication,
		48954: getBoundProfilePackage,
		48955: authenticateClient,
		48957: handleNotification,
		48961: cancelSession,
		48975: (_, body, peer) => getEimPackage(context, body, build, peer),
		48976: provideEimPackageResult,
	};
	return {
		async handle(body, peer) {
			const run = functions[firstTag(body)];
			if (run === undefined) {
				const tag = body.length === 0 ? "nothing" : `tag ${firstTag(body).toString(16).toUpperCase()}`;
				throw new EsipaError("ESIPA_MESSAGE_UNKNOWN", `${tag} is no ESipa function`, {
					context: { remoteAddress: peer.remoteAddress },
				});
			}
			return run(context, body, peer);
		},
	};
}

/** What the functions share; jobs make one of their own. */
export function esipaContext(deps: EsipaDeps): EsipaContext {
	return {
		...deps,
		keys: new EuiccKeys(deps),
		signingKeys: new SigningKeys(deps.signer, deps.formerSigners),
		warnBounded: boundedWarnings({ log: deps.logger("eim.esipa"), clock: deps.clock }),
	};
}

/** 0 when there is no readable tag. */
function firstTag(body: Uint8Array): number {
	try {
		return readTlv(body, 0).tag;
	} catch (error) {
		if (error instanceof Asn1Error) return truncatedTag(body);
		throw error;
	}
}

/** A message that is cut off still says what it wanted to be, so that it gets the error of its function. */
function truncatedTag(body: Uint8Array): number {
	const [first, second] = body;
	return first === 0xbf && second !== undefined && second < 0x80 ? 0xbf00 + second : 0;
}
