/** Each command of an eUICC package: how it is written, and what the eUICC's answer to it means (SGP.32 section 2.11.1). */

import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { ProfileClassCode, type ProfileInfoListRequest } from "@iot-esim/shared/messages/sgp22/profile-info";
import { RulesAuthorisationTable } from "@iot-esim/shared/messages/sgp22/profile-management";
import { DeleteEimResultCode, type EuiccResultData } from "@iot-esim/shared/messages/sgp32/command-results";
import { EimConfigurationData } from "@iot-esim/shared/messages/sgp32/eim-configuration";
import type { Eco, Psmo } from "@iot-esim/shared/messages/sgp32/euicc-package";
import { concatBytes, fromHex, hex } from "@iot-esim/shared/util/bytes";
import type { CardEim, Device, DeviceChange } from "../domain/device.ts";
import type { EuiccCommand, EuiccCommandType, ProfileSearch } from "../domain/euicc-command.ts";
import type { OperationReason, OutcomeFact } from "../domain/operation.ts";
import type { ProfileChange } from "../domain/profile.ts";
import { cardEimType, type OwnEim, ownUpdate, toldBy } from "./eim-configuration.ts";
import { listedProfiles } from "./listed-profiles.ts";
import { rulesOf } from "./policy-rules.ts";
import { type CodeList, reasonOf } from "./result-text.ts";

/**
 * Tags asked for of every profile, explicitly, since cards differ in what they give by default (SGP.32 section 5.9.14):
 * ICCID, ISD-P AID, state, nickname, service provider, profile name, class, PPRs, fallback attribute and permission, eCall.
 */
export const PROFILE_TAGS = hex`5A 4F 9F70 90 91 92 95 99 9F26 9F67 9F7B`;
const FALLBACK_TAG = "9F26";

/** What an answer is read with. */
export interface AnswerContext {
	/** With what the answers before have changed. */
	readonly device: Device;
	readonly at: number;
	readonly ownEimId: string;
	/** The command as it was sent. */
	sent(): Psmo | Eco | undefined;
}

/** What the eUICC's answer to one command means. */
export type CommandAnswer =
	| {
			readonly kind: "done";
			readonly profileChange?: ProfileChange;
			readonly deviceChange?: DeviceChange;
			/** For the operator. */
			readonly facts?: Readonly<Record<string, OutcomeFact>>;
	  }
	| {
			readonly kind: "failed";
			readonly reason: OperationReason;
			/** The eUICC does not say whether it has changed anything. */
			readonly isUncertain: boolean;
	  };

type ParametersOf<T extends EuiccCommandType> = Extract<EuiccCommand, { type: T }>["parameters"];
type ResultName = EuiccResultData extends infer U ? (U extends unknown ? keyof U : never) : never;
type ResultOf<R extends ResultName> = Extract<EuiccResultData, Readonly<Record<R, unknown>>>[R];

interface Form<T extends EuiccCommandType, R extends ResultName> {
	/** Member of EuiccResultData that answers it. */
	readonly result: R;
	/** What the eIM asks the device when it cannot know whether the command was executed. */
	readonly inDoubt: "listProfiles" | "listEims" | "readEuiccData" | undefined;
	write(parameters: ParametersOf<T>, own: OwnEim): Psmo | Eco;
	read(answer: ResultOf<R>, parameters: ParametersOf<T>, context: AnswerContext): CommandAnswer;
}

/** A form whose parts are known to belong together. */
export interface CommandForm {
	readonly result: ResultName;
	readonly inDoubt: Form<EuiccCommandType, ResultName>["inDoubt"];
	write(parameters: object, own: OwnEim): Psmo | Eco;
	read(answer: unknown, parameters: object, context: AnswerContext): CommandAnswer;
}

const form = <T extends EuiccCommandType, R extends ResultName>(_type: T, given: Form<T, R>): CommandForm =>
	given as unknown as CommandForm;

const forms: Readonly<Record<EuiccCommandType, CommandForm>> = {
	enable: form("enable", {
		result: "enableResult",
		inDoubt: "listProfiles",
		write: ({ iccid, rollback }) => ({ enable: { ...named(iccid), ...(rollback ? { rollbackFlag: null } : {}) } }),
		read: (code, { iccid }) => coded("enable", code, { profileChange: { kind: "enabled", iccid } }),
	}),
	disable: form("disable", {
		result: "disableResult",
		inDoubt: "listProfiles",
		write: ({ iccid }) => ({ disable: named(iccid) }),
		read: (code, { iccid }) => coded("disable", code, { profileChange: { kind: "disabled", iccid } }),
	}),
	delete: form("delete", {
		result: "deleteResult",
		inDoubt: "listProfiles",
		write: ({ iccid }) => ({ delete: named(iccid) }),
		read: (code, { iccid }) => coded("delete", code, { profileChange: { kind: "deleted", iccid } }),
	}),
	listProfiles: form("listProfiles", {
		result: "listProfileInfoResult",
		inDoubt: undefined,
		write: ({ search, tags }) => ({
			listProfileInfo: {
				...(search === undefined ? {} : { searchCriteria: criteriaOf(search) }),
				tagList: tags === undefined ? PROFILE_TAGS : concatBytes(...tags.map(fromHex)),
			},
		}),
		read(list, { search, tags }, { device: { eid }, at }) {
			if ("profileInfoListError" in list) return failed("listProfileInfo", list.profileInfoListError);
			const isFallbackAsked = tags === undefined || tags.includes(FALLBACK_TAG);
			const profiles = listedProfiles(eid, list.profileInfoListOk, at, isFallbackAsked);
			return { kind: "done", profileChange: { kind: "listed", profiles, ...(search === undefined ? {} : { search }) } };
		},
	}),
	getRat: form("getRat", {
		result: "getRATResult",
		inDoubt: undefined,
		write: () => ({ getRAT: {} }),
		read: (rules) => ({
			kind: "done",
			deviceChange: { rulesAuthorisationTable: encode(RulesAuthorisationTable, rules) },
			facts: { rules: rulesOf(rules) },
		}),
	}),
	configureImmediateEnable: form("configureImmediateEnable", {
		result: "configureImmediateEnableResult",
		inDoubt: undefined,
		write: ({ isAllowed, smdpOid, smdpAddress }) => ({
			configureImmediateEnable: {
				...(isAllowed ? { immediateEnableFlag: null } : {}),
				...(smdpOid === undefined ? {} : { defaultSmdpOid: smdpOid }),
				...(smdpAddress === undefined ? {} : { defaultSmdpAddress: smdpAddress }),
			},
		}),
		read: (code, immediateEnable) => coded("configureImmediateEnable", code, { deviceChange: { immediateEnable } }),
	}),
	setFallbackAttribute: form("setFallbackAttribute", {
		result: "setFallbackAttributeResult",
		inDoubt: "listProfiles",
		write: ({ iccid }) => ({ setFallbackAttribute: named(iccid) }),
		read: (code, { iccid }) => coded("setFallbackAttribute", code, { profileChange: { kind: "fallbackSet", iccid } }),
	}),
	unsetFallbackAttribute: form("unsetFallbackAttribute", {
		result: "unsetFallbackAttributeResult",
		inDoubt: "listProfiles",
		write: () => ({ unsetFallbackAttribute: {} }),
		read: (code) => coded("unsetFallbackAttribute", code, { profileChange: { kind: "fallbackUnset" } }),
	}),
	setDefaultDpAddress: form("setDefaultDpAddress", {
		result: "setDefaultDpAddressResult",
		inDoubt: "readEuiccData",
		write: ({ smdpAddress }) => ({ setDefaultDpAddress: { defaultDpAddress: smdpAddress } }),
		read: ({ setDefaultDpAddressResult }, { smdpAddress }) =>
			coded("setDefaultDpAddress", setDefaultDpAddressResult, {
				deviceChange: { defaultSmdpAddress: smdpAddress === "" ? null : smdpAddress },
			}),
	}),
	addEim: form("addEim", {
		result: "addEimResult",
		inDoubt: "listEims",
		write: ({ configuration }) => ({ addEim: decode(EimConfigurationData, fromHex(configuration)) }),
		read(answer, { eimId, configuration }, { device }) {
			const added: CardEim = { eimId, ...cardEimType(decode(EimConfigurationData, fromHex(configuration)).eimIdType) };
			const deviceChange = withEims(device, (eims) => [...eims.filter((one) => one.eimId !== eimId), added]);
			if ("associationToken" in answer) {
				return { kind: "done", deviceChange, facts: { eimId, associationToken: answer.associationToken } };
			}
			return coded("addEim", answer.addEimResultCode, { deviceChange, facts: { eimId } });
		},
	}),
	deleteEim: form("deleteEim", {
		result: "deleteEimResult",
		inDoubt: "listEims",
		write: ({ eimId }) => ({ deleteEim: { eimId } }),
		read(code, { eimId }, { device, at, ownEimId }) {
			const eims = withEims(device, (all) => all.filter((one) => one.eimId !== eimId));
			const deviceChange = { ...eims, ...(eimId === ownEimId ? { releasedAt: at } : {}) };
			// The eIM is gone, as was asked; the code only adds that it was the last.
			const isLast = code === DeleteEimResultCode.lastEimDeleted;
			const facts = { eimId, ...(isLast ? { wasLast: true } : {}) };
			return coded("deleteEim", isLast ? DeleteEimResultCode.ok : code, { deviceChange, facts });
		},
	}),
	updateEim: form("updateEim", {
		result: "updateEimResult",
		inDoubt: "listEims",
		write: ({ configuration }, own) => ({
			updateEim: configuration === undefined ? ownUpdate(own) : decode(EimConfigurationData, fromHex(configuration)),
		}),
		read(code, { eimId }, { device, ownEimId, sent }) {
			if (eimId !== undefined && eimId !== ownEimId) return coded("updateEim", code, { facts: { eimId } });
			const command = code === 0 ? sent() : undefined;
			const deviceChange = command && "updateEim" in command ? toldBy(command.updateEim, device) : {};
			return coded("updateEim", code, { deviceChange, facts: { eimId: ownEimId } });
		},
	}),
	listEims: form("listEims", {
		result: "listEimResult",
		inDoubt: undefined,
		write: () => ({ listEim: {} }),
		read(list) {
			if ("listEimError" in list) return failed("listEim", list.listEimError);
			const cardEims = list.eimIdList.map(({ eimId, eimIdType }): CardEim => ({ eimId, ...cardEimType(eimIdType) }));
			return { kind: "done", deviceChange: { cardEims }, facts: { eims: cardEims.map(({ eimId }) => eimId) } };
		},
	}),
};

export function formOf(command: EuiccCommand): CommandForm {
	return forms[command.type];
}

/** The command as it goes into the package. */
export function writeCommand(command: EuiccCommand, own: OwnEim): Psmo | Eco {
	return forms[command.type].write(command.parameters, own);
}

const named = (iccid: Iccid) => ({ iccid: Iccid.toBytes(iccid) });

function coded(
	list: CodeList,
	code: number,
	done: Omit<Extract<CommandAnswer, { kind: "done" }>, "kind">,
): CommandAnswer {
	return code === 0 ? { kind: "done", ...done } : failed(list, code);
}

const UNDEFINED_ERROR = 127;

function failed(list: CodeList, code: number): CommandAnswer {
	return { kind: "failed", reason: reasonOf(list, code), isUncertain: code === UNDEFINED_ERROR };
}

/** What is known of the eIMs on the card changes with each command; what is not known stays so until a list. */
function withEims({ cardEims }: Device, change: (eims: readonly CardEim[]) => readonly CardEim[]): DeviceChange {
	return cardEims === undefined ? {} : { cardEims: change(cardEims) };
}

function criteriaOf(search: ProfileSearch): NonNullable<ProfileInfoListRequest["searchCriteria"]> {
	if ("iccid" in search) return named(search.iccid);
	if ("isdpAid" in search) return { isdpAid: fromHex(search.isdpAid) };
	return { profileClass: ProfileClassCode[search.profileClass] };
}
