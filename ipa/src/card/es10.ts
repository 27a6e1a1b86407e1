import { decode, encode, type Schema } from "@iot-esim/shared/asn1/schema";
import { readTlvs, readWholeTlv, tlvBytes, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import {
	EuiccConfiguredAddressesRequest,
	EuiccConfiguredAddressesResponse,
	GetEuiccChallengeRequest,
	GetEuiccChallengeResponse,
	GetEuiccDataRequest,
	GetEuiccDataResponse,
} from "@iot-esim/shared/messages/sgp22/euicc-data";
import { GetEuiccInfo1Request, GetEuiccInfo2Request } from "@iot-esim/shared/messages/sgp22/euicc-info";
import type { NotificationEvent, NotificationMetadata } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import {
	ListNotificationRequest,
	ListNotificationResponse,
	NotificationSentRequest,
	NotificationSentResponse,
} from "@iot-esim/shared/messages/sgp22/notifications";
import { ProfileInfoListRequest } from "@iot-esim/shared/messages/sgp22/profile-info";
import {
	GetRatRequest,
	GetRatResponse,
	type RulesAuthorisationTable,
} from "@iot-esim/shared/messages/sgp22/profile-management";
import { GetEimConfigurationDataRequest } from "@iot-esim/shared/messages/sgp32/eim-configuration";
import {
	ConnectivityParametersErrorCode,
	GetConnectivityParametersRequest,
	GetConnectivityParametersResponse,
} from "@iot-esim/shared/messages/sgp32/es10b-card";
import { RetrieveNotificationsListRequest } from "@iot-esim/shared/messages/sgp32/notifications";
import { type ProfileInfo, ProfileInfoListResponse } from "@iot-esim/shared/messages/sgp32/profile-info";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { decodeEimConfiguration, type EimConfiguration } from "./eim-configuration.ts";
import { CardError } from "./errors.ts";
import type { EuiccChannel } from "./isd-r-channel.ts";

/** Which entries of the list of BF2B are wanted; all notifications when absent. */
export type NotificationSearch =
	| { readonly seqNumber: number }
	| { readonly profileManagementOperation: NotificationEvent };

/** Tags of ProfileInfo that are always asked for, since cards differ in what they give by default. */
const PROFILE_INFO_TAGS = hex`5A 4F 9F70 90 91 92 95 99 9F26 9F67 9F7B`;
const EID_TAG = hex`5A`;

/**
 * Functions of ES10a, ES10b and ES10c that read the eUICC or look after its notifications (SGP.32 §5.9, SGP.22 §5.7).
 * What is relayed comes back as the card gave it.
 */
export class Es10 {
	readonly #channel: EuiccChannel;

	constructor(channel: EuiccChannel) {
		this.#channel = channel;
	}

	/** ES10c.GetEID: 16 octets. */
	async getEid(): Promise<Uint8Array> {
		const response = await this.#read(0xbf3e, encode(GetEuiccDataRequest, { tagList: EID_TAG }));
		return decode(GetEuiccDataResponse, response).eidValue;
	}

	/** ES10b.GetEimConfigurationData. */
	async getEimConfigurationData(eimId?: string): Promise<EimConfiguration[]> {
		const request = encode(GetEimConfigurationDataRequest, eimId === undefined ? {} : { searchCriteria: { eimId } });
		const response = await this.#read(0xbf55, request);
		return listEntries(response).map(decodeEimConfiguration);
	}

	/** ES10b.RetrieveNotificationsList for notifications: each as it is, in the card's order. */
	async retrieveNotifications(search?: NotificationSearch): Promise<Uint8Array[]> {
		const request = encode(RetrieveNotificationsListRequest, search === undefined ? {} : { searchCriteria: search });
		return this.#retrieve(request, 0xa0);
	}

	/** ES10b.RetrieveNotificationsList for eUICC Package Results: BF51 each. */
	async retrieveEuiccPackageResults(): Promise<Uint8Array[]> {
		const request = encode(RetrieveNotificationsListRequest, { searchCriteria: { euiccPackageResults: null } });
		return this.#retrieve(request, 0xa2);
	}

	/** ES10b.RemoveNotificationFromList: 0 removed, 1 there was none. */
	async removeNotification(seqNumber: number): Promise<number> {
		const response = await this.#read(0xbf30, encode(NotificationSentRequest, { seqNumber }));
		return decode(NotificationSentResponse, response).deleteNotificationStatus;
	}

	/** ES10b.GetEUICCInfo: BF20. */
	getEuiccInfo1(): Promise<Uint8Array> {
		return this.#read(0xbf20, encode(GetEuiccInfo1Request, {}));
	}

	/** ES10b.GetEUICCInfo: BF22. */
	getEuiccInfo2(): Promise<Uint8Array> {
		return this.#read(0xbf22, encode(GetEuiccInfo2Request, {}));
	}

	/** ES10b.GetEUICCChallenge: opens a session on the card. */
	async getEuiccChallenge(): Promise<Uint8Array> {
		const response = await this.#read(0xbf2e, encode(GetEuiccChallengeRequest, {}));
		return decode(GetEuiccChallengeResponse, response).euiccChallenge;
	}

	/** ES10a.GetEuiccConfiguredAddresses. */
	async getConfiguredAddresses(): Promise<EuiccConfiguredAddressesResponse> {
		const response = await this.#read(0xbf3c, encode(EuiccConfiguredAddressesRequest, {}));
		return decode(EuiccConfiguredAddressesResponse, response);
	}

	/** ES10b.GetRAT. */
	async getRat(): Promise<RulesAuthorisationTable> {
		return decode(GetRatResponse, await this.#read(0xbf43, encode(GetRatRequest, {}))).rat;
	}

	/** ES10b.ListNotification: what each waiting notification is about. */
	async listNotifications(profileManagementOperation?: NotificationEvent): Promise<readonly NotificationMetadata[]> {
		const request = profileManagementOperation === undefined ? {} : { profileManagementOperation };
		const answer = await this.#read(0xbf28, encode(ListNotificationRequest, request));
		const list = decode(ListNotificationResponse, answer);
		if ("notificationMetadataList" in list) return list.notificationMetadataList;
		throw refused("ListNotification", list.listNotificationsResultError);
	}

	/** ES10b.GetConnectivityParameters: httpParams of the enabled profile; undefined when it brings none. */
	async getConnectivityParameters(): Promise<Uint8Array | undefined> {
		const answer = await this.#read(0xbf5f, encode(GetConnectivityParametersRequest, {}));
		const parameters = decode(GetConnectivityParametersResponse, answer);
		if ("connectivityParameters" in parameters) return parameters.connectivityParameters.httpParams;
		const code = parameters.connectivityParametersError;
		if (code === ConnectivityParametersErrorCode.parametersNotAvailable) return undefined;
		throw refused("GetConnectivityParameters", code);
	}

	/** ES10c.GetProfilesInfo, all profiles. */
	async getProfilesInfo(tagList: Uint8Array = PROFILE_INFO_TAGS): Promise<ProfileInfo[]> {
		const response = await this.#read(0xbf2d, encode(ProfileInfoListRequest, { tagList }));
		const list = decode(ProfileInfoListResponse, response);
		if ("profileInfoListOk" in list) return list.profileInfoListOk;
		throw refused("GetProfilesInfo", list.profileInfoListError);
	}

	async #retrieve(request: Uint8Array, expectedList: number): Promise<Uint8Array[]> {
		let response: Uint8Array;
		try {
			response = await this.#read(0xbf2b, request);
		} catch (error) {
			// 6A88 is how some cards say that the list is empty.
			if (error instanceof CardError && error.status === 0x6a88) return [];
			throw error;
		}
		const whole = readWholeTlv(response);
		const [list] = readTlvs(response, whole.valueStart, whole.end);
		if (list?.tag === expectedList) {
			return readTlvs(response, list.valueStart, list.end).map((entry) => tlvBytes(response, entry));
		}
		if (list?.tag === 0x81) throw refused("RetrieveNotificationsList", toHex(tlvValue(response, list)));
		return [];
	}

	#read(tag: number, request: Uint8Array): Promise<Uint8Array> {
		return callFor(this.#channel, tag, request, true);
	}
}

/** One ES10 function whose response must carry `tag`. */
export async function callFor(
	channel: EuiccChannel,
	tag: number,
	request: Uint8Array,
	repeatable: boolean,
): Promise<Uint8Array> {
	const response = await channel.call(request, repeatable);
	if (response.length === 0 || readWholeTlv(response).tag !== tag) {
		const expected = tag.toString(16).toUpperCase();
		throw new CardError(
			"CARD_RESPONSE_INVALID",
			`the card answered ${expected} with ${toHex(response.subarray(0, 8)) || "nothing"}`,
		);
	}
	return response;
}

/** Decodes the response of a function that changes something, which is therefore never repeated. */
export async function commandFor<T>(
	channel: EuiccChannel,
	tag: number,
	request: Uint8Array,
	schema: Schema<T>,
): Promise<T> {
	return decode(schema, await callFor(channel, tag, request, false));
}

function listEntries(response: Uint8Array): Uint8Array[] {
	const whole = readWholeTlv(response);
	const [list] = readTlvs(response, whole.valueStart, whole.end);
	if (list === undefined) return [];
	return readTlvs(response, list.valueStart, list.end).map((entry) => tlvBytes(response, entry));
}

/** An ES10 function answered with an error code. */
export function refused(functionName: string, code: number | string): CardError {
	return new CardError("CARD_FUNCTION_REFUSED", `${functionName} was refused with code ${code}`, {
		context: { function: functionName, code },
	});
}
