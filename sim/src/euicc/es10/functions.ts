import type { Es10Function } from "../euicc.ts";
import {
	activateAgent,
	getConnectivityParameters,
	setDefaultDpAddress,
	setDefaultDpAddressEs10a,
} from "./addresses.ts";
import { authenticateServer } from "./authenticate-server.ts";
import { cancelSession } from "./cancel-session.ts";
import { addInitialEim, configureImmediateProfileEnabling, getEimConfigurationData } from "./eim-configuration.ts";
import {
	getCerts,
	getConfiguredAddresses,
	getEid,
	getEuiccChallenge,
	getEuiccInfo1,
	getEuiccInfo2,
	getRat,
} from "./euicc-information.ts";
import {
	disableEmergencyProfile,
	enableEmergencyProfile,
	executeFallback,
	immediateEnable,
	profileRollback,
	returnFromFallback,
} from "./ipa-switch.ts";
import { activateIpae } from "./ipae-activation.ts";
import { loadCrl } from "./load-crl.ts";
import { loadEuiccPackage } from "./load-euicc-package.ts";
import { memoryReset, memoryResetConsumer } from "./memory-reset.ts";
import { listNotification, removeNotification, retrieveNotificationsList } from "./notifications.ts";
import { prepareDownload } from "./prepare-download.ts";
import { getProfilesInfo } from "./profile-list.ts";
import {
	deleteProfileLocally,
	disableProfileLocally,
	enableProfileLocally,
	setNickname,
} from "./profile-management.ts";

/** ES10a, ES10b and ES10c of SGP.22 by the tag of the request. */
export const consumerFunctions: ReadonlyMap<number, Es10Function> = new Map([
	[0xbf20, getEuiccInfo1],
	[0xbf21, prepareDownload],
	[0xbf22, getEuiccInfo2],
	[0xbf28, listNotification],
	[0xbf29, setNickname],
	[0xbf2b, retrieveNotificationsList],
	[0xbf2d, getProfilesInfo],
	[0xbf2e, getEuiccChallenge],
	[0xbf30, removeNotification],
	[0xbf31, enableProfileLocally],
	[0xbf32, disableProfileLocally],
	[0xbf33, deleteProfileLocally],
	[0xbf34, memoryResetConsumer],
	[0xbf35, loadCrl],
	[0xbf38, authenticateServer],
	[0xbf3c, getConfiguredAddresses],
	[0xbf3e, getEid],
	[0xbf3f, setDefaultDpAddressEs10a],
	[0xbf41, cancelSession],
	[0xbf42, activateAgent],
	[0xbf43, getRat],
]);

/**
 * What an SGP.32 card adds. It keeps the functions of SGP.22, so that a device can be set up before it has an eIM;
 * those that change profiles refuse once it has one.
 */
export const iotFunctions: ReadonlyMap<number, Es10Function> = new Map([
	...consumerFunctions,
	[0xbf42, activateIpae],
	[0xbf51, loadEuiccPackage],
	[0xbf55, getEimConfigurationData],
	[0xbf56, getCerts],
	[0xbf57, addInitialEim],
	[0xbf58, profileRollback],
	[0xbf59, configureImmediateProfileEnabling],
	[0xbf5a, immediateEnable],
	[0xbf5b, enableEmergencyProfile],
	[0xbf5c, disableEmergencyProfile],
	[0xbf5d, executeFallback],
	[0xbf5e, returnFromFallback],
	[0xbf5f, getConnectivityParameters],
	[0xbf64, memoryReset],
	[0xbf65, setDefaultDpAddress],
]);
