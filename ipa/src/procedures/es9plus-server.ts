import { decode } from "@iot-esim/shared/asn1/schema";
import type { EventEntries } from "@iot-esim/shared/messages/sgp22/es11";
import { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";
import type { Es9PlusAnswer } from "../es9plus/es9plus-link.ts";
import type { DirectRsp } from "./procedure-context.ts";
import type { RspAnswer, RspServer } from "./rsp-server.ts";

/** An SM-DP+ or SM-DS that the device speaks to itself; an SM-DS ends in the events that wait for the eUICC. */
export function es9PlusServer(rsp: DirectRsp, address: string): RspServer<readonly EventEntries[]> {
	return {
		interfaceName: "ES9+",
		isDirect: true,
		async initiateAuthentication(request, signal) {
			const answer = await rsp.initiateAuthentication(address, request, signal);
			return mapped(answer, ({ euiccCiPKIdToBeUsed, ...server }) => ({
				serverSigned1: server.serverSigned1,
				serverSignature1: server.serverSignature1,
				euiccCiPKIdentifierToBeUsed: euiccCiPKIdToBeUsed,
				serverCertificate: server.serverCertificate,
			}));
		},
		async authenticateClient(transactionId, response, signal) {
			const answer = await rsp.authenticateClient(address, transactionId, response, signal);
			return mapped(answer, (found) => {
				if ("events" in found) return { onward: found.events };
				const { profileMetadata, ...profile } = found.profile;
				const profileMetaData = { value: decode(StoreMetadataRequest, profileMetadata), der: profileMetadata };
				return { profile: { ...profile, profileMetaData } };
			});
		},
		getBoundProfilePackage: async (transactionId, response, signal) =>
			mapped(await rsp.getBoundProfilePackage(address, transactionId, response, signal), (bpp) => bpp),
		cancelSession: async (transactionId, response, signal) =>
			mapped(await rsp.cancelSession(address, transactionId, response, signal), (ok) => ok),
	};
}

function mapped<T, U>(answer: Es9PlusAnswer<T>, map: (ok: T) => U): RspAnswer<U> {
	if ("ok" in answer) return { ok: map(answer.ok) };
	const { code, reason } = answer.refused;
	return { refused: { reason: `${reason} (${code})` } };
}
