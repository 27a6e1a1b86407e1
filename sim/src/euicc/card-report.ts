import { decode } from "@iot-esim/shared/asn1/schema";
import { NotificationEvent } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import { EuiccPackageResult } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Ecasd } from "./ecasd.ts";
import type { Nvm } from "./nvm/nvm.ts";
import { loadPersonalisation } from "./personalisation.ts";
import { EimAssociations } from "./state/eims.ts";
import { metadataOf, NotificationStore } from "./state/notifications.ts";
import { ProfileRegistry } from "./state/profiles.ts";
import { SettingsStore } from "./state/settings.ts";

/** What a card holds, for people and for tests that compare it with other parts; no keys are in it. */
export interface CardReport {
	readonly eid: string;
	readonly mode: string;
	/** ICCID as in EF.ICCID, hex. */
	readonly profiles: readonly {
		readonly iccid: string;
		readonly isdpAid: string;
		readonly state: "enabled" | "disabled";
		readonly name: string;
		readonly nickname?: string;
		readonly hasFallbackAttribute: boolean;
	}[];
	readonly eims: readonly { readonly eimId: string; readonly counter: number; readonly token?: number }[];
	readonly notifications: readonly { readonly seqNumber: number; readonly event: string; readonly address: string }[];
	readonly packageResults: readonly { readonly seqNumber: number; readonly eimId: string; readonly counter: number }[];
	readonly isRollbackGranted: boolean;
	/** Of a card with an IPA inside of it. */
	readonly ipae?: "active" | "inactive";
	readonly isLoadInProgress: boolean;
}

/** Reads a card's memory without changing it. */
export function reportOf(nvm: Nvm): CardReport {
	const { eid, mode, ...card } = loadPersonalisation(nvm);
	const notifications = new NotificationStore(nvm, new Ecasd({ eid, mode, ...card }));
	const settings = new SettingsStore(nvm);
	return {
		eid,
		mode,
		profiles: new ProfileRegistry(nvm).list().map((profile) => ({
			iccid: toHex(profile.iccid),
			isdpAid: toHex(profile.isdpAid),
			state: profile.isEnabled ? "enabled" : "disabled",
			name: profile.description.profileName,
			...(profile.nickname === undefined ? {} : { nickname: profile.nickname }),
			hasFallbackAttribute: profile.hasFallbackAttribute,
		})),
		eims: new EimAssociations(nvm).list().map(({ eimId, counter, token }) => ({
			eimId,
			counter,
			...(token === undefined ? {} : { token }),
		})),
		notifications: notifications.notifications().map(({ seqNumber, der }) => {
			const { profileManagementOperation, notificationAddress } = metadataOf(der);
			return { seqNumber, event: eventName(profileManagementOperation), address: notificationAddress };
		}),
		packageResults: notifications.packageResults().map(({ seqNumber, der }) => {
			const result = decode(EuiccPackageResult, der);
			if (!("euiccPackageResultSigned" in result)) throw new TypeError("only signed results are kept");
			const { eimId, counterValue } = result.euiccPackageResultSigned.euiccPackageResultDataSigned.value;
			return { seqNumber, eimId, counter: counterValue };
		}),
		...(card.supportsIpae === true ? { ipae: settings.get("ipaeActive") ? "active" : "inactive" } : {}),
		isRollbackGranted: settings.get("rollback") !== undefined,
		isLoadInProgress: settings.get("loadInProgress") !== undefined,
	};
}

const EVENTS = {
	notificationInstall: "install",
	notificationEnable: "enable",
	notificationDisable: "disable",
	notificationDelete: "delete",
} as const;

function eventName(event: string): string {
	const names = Object.entries(EVENTS).filter(([bit]) => NotificationEvent.has(event, bit as keyof typeof EVENTS));
	return names.map(([, name]) => name).join("+");
}
