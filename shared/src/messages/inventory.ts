/** Every definition of the three modules that this project has as a schema; `inventory.test.ts` holds it against the modules. */

import { Schema } from "../asn1/schema.ts";
import * as peAka from "./pe/aka.ts";
import * as peApplication from "./pe/application.ts";
import * as peBasicTypes from "./pe/basic-types.ts";
import * as peCsim from "./pe/csim.ts";
import * as peEap from "./pe/eap.ts";
import * as peEuiccResponse from "./pe/euicc-response.ts";
import * as peFile from "./pe/file.ts";
import * as peFiveg from "./pe/fiveg.ts";
import * as peIot from "./pe/iot.ts";
import * as peIsim from "./pe/isim.ts";
import * as peMf from "./pe/mf.ts";
import * as pePin from "./pe/pin.ts";
import * as peProfileElement from "./pe/profile-element.ts";
import * as peProfileHeader from "./pe/profile-header.ts";
import * as peSecurityDomain from "./pe/security-domain.ts";
import * as peUiccCapability from "./pe/uicc-capability.ts";
import * as peUsim from "./pe/usim.ts";
import * as pkix from "./pkix.ts";
import * as sgp22AuthenticateServer from "./sgp22/authenticate-server.ts";
import * as sgp22BasicTypes from "./sgp22/basic-types.ts";
import * as sgp22BoundProfilePackage from "./sgp22/bound-profile-package.ts";
import * as sgp22CancelSession from "./sgp22/cancel-session.ts";
import * as sgp22Crl from "./sgp22/crl.ts";
import * as sgp22DeviceInfo from "./sgp22/device-info.ts";
import * as sgp22Es9plus from "./sgp22/es9plus.ts";
import * as sgp22Es9plusDownload from "./sgp22/es9plus-download.ts";
import * as sgp22Es11 from "./sgp22/es11.ts";
import * as sgp22EuiccData from "./sgp22/euicc-data.ts";
import * as sgp22EuiccInfo from "./sgp22/euicc-info.ts";
import * as sgp22NotificationMetadata from "./sgp22/notification-metadata.ts";
import * as sgp22Notifications from "./sgp22/notifications.ts";
import * as sgp22PrepareDownload from "./sgp22/prepare-download.ts";
import * as sgp22ProfileInfo from "./sgp22/profile-info.ts";
import * as sgp22ProfileInstallationResult from "./sgp22/profile-installation-result.ts";
import * as sgp22ProfileManagement from "./sgp22/profile-management.ts";
import * as sgp22ProfileMetadata from "./sgp22/profile-metadata.ts";
import * as sgp32AsnNull from "./sgp32/asn-null.ts";
import * as sgp32AuthenticateServer from "./sgp32/authenticate-server.ts";
import * as sgp32CancelSession from "./sgp32/cancel-session.ts";
import * as sgp32CommandResults from "./sgp32/command-results.ts";
import * as sgp32DefaultDpAddress from "./sgp32/default-dp-address.ts";
import * as sgp32EimConfiguration from "./sgp32/eim-configuration.ts";
import * as sgp32Es10bCard from "./sgp32/es10b-card.ts";
import * as sgp32Es10bSwitch from "./sgp32/es10b-switch.ts";
import * as sgp32Esipa from "./sgp32/esipa.ts";
import * as sgp32EsipaDownload from "./sgp32/esipa-download.ts";
import * as sgp32EsipaPackage from "./sgp32/esipa-package.ts";
import * as sgp32EuiccInfo from "./sgp32/euicc-info.ts";
import * as sgp32EuiccPackage from "./sgp32/euicc-package.ts";
import * as sgp32EuiccPackageResult from "./sgp32/euicc-package-result.ts";
import * as sgp32IpaEuiccData from "./sgp32/ipa-euicc-data.ts";
import * as sgp32Notifications from "./sgp32/notifications.ts";
import * as sgp32PrepareDownload from "./sgp32/prepare-download.ts";
import * as sgp32ProfileDownloadTrigger from "./sgp32/profile-download-trigger.ts";
import * as sgp32ProfileInfo from "./sgp32/profile-info.ts";

/** `structured`: every field has its type. `opaque`: kept as one TLV, read elsewhere (certificates by shared/pki). */
export type InventoryStatus = "structured" | "opaque";

export interface InventoryEntry {
	/** Name of the ASN.1 module. */
	readonly module: "RSPDefinitions" | "SGP32Definitions" | "PEDefinitions" | "PKIX1";
	/** Name of the type in the module, without the prefix `SGP32-` that one edition adds. */
	readonly name: string;
	readonly status: InventoryStatus;
	readonly schema: Schema<unknown>;
}

function entries(
	module: InventoryEntry["module"],
	status: InventoryStatus,
	files: readonly Readonly<Record<string, unknown>>[],
): InventoryEntry[] {
	return files
		.flatMap((file) => Object.values(file))
		.filter((exported) => exported instanceof Schema)
		.map((schema: Schema<unknown>) => ({ module, name: schema.typeName, status, schema }));
}

/** All definitions, by module; what is not listed here is in `notNeeded`. */
export const inventory: readonly InventoryEntry[] = [
	...entries("RSPDefinitions", "structured", [
		sgp22AuthenticateServer,
		sgp22BasicTypes,
		sgp22BoundProfilePackage,
		sgp22CancelSession,
		sgp22Crl,
		sgp22DeviceInfo,
		sgp22Es11,
		sgp22Es9plusDownload,
		sgp22Es9plus,
		sgp22EuiccData,
		sgp22EuiccInfo,
		sgp22NotificationMetadata,
		sgp22Notifications,
		sgp22PrepareDownload,
		sgp22ProfileInfo,
		sgp22ProfileInstallationResult,
		sgp22ProfileManagement,
		sgp22ProfileMetadata,
	]),
	...entries("SGP32Definitions", "structured", [
		sgp32AsnNull,
		sgp32AuthenticateServer,
		sgp32CancelSession,
		sgp32CommandResults,
		sgp32DefaultDpAddress,
		sgp32EimConfiguration,
		sgp32Es10bCard,
		sgp32Es10bSwitch,
		sgp32EsipaDownload,
		sgp32EsipaPackage,
		sgp32Esipa,
		sgp32EuiccInfo,
		sgp32EuiccPackageResult,
		sgp32EuiccPackage,
		sgp32IpaEuiccData,
		sgp32Notifications,
		sgp32PrepareDownload,
		sgp32ProfileDownloadTrigger,
		sgp32ProfileInfo,
	]),
	...entries("PEDefinitions", "structured", [
		peAka,
		peApplication,
		peBasicTypes,
		peCsim,
		peEap,
		peEuiccResponse,
		peFile,
		peFiveg,
		peIot,
		peIsim,
		peMf,
		pePin,
		peProfileElement,
		peProfileHeader,
		peSecurityDomain,
		peUiccCapability,
		peUsim,
	]),
	...entries("PKIX1", "opaque", [pkix]),
];

/** Definitions without values of their own, with the reason. */
export const notNeeded: Readonly<Record<string, string>> = {
	OPENTYPE: "information object class; VendorSpecificExtension uses its two fields directly",
};
