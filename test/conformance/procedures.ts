/**
 * The procedures of SGP.32: each has one test of its name, over both bindings and both curves. A number is that of the
 * procedure, or of the function that it consists of, where a source at hand names it; no number is made up. Sources: the
 * comments of the ASN.1 modules (2.11, 5.9), of onomondo-ipa (3.1.1.1, 3.2.3.2, 3.3.1, 3.7, 5.14) and its public forks
 * (3.1.1.2, 3.8.4), the API of onomondo-eim (3.2.3.1, 3.4.1 to 3.4.3, 3.5.2, 5.13.4, 5.13.6); 3.4.6 from another public IPA.
 */
export const PROCEDURES: readonly string[] = [
	"3.1.1.1 eIM Package Retrieval",
	"3.1.1.2 eIM Package Injection",
	"2.11.1.2 IPA and eUICC Data Request",
	"5.14.5 State change of the device, told by notifyStateChange",
	"3.2.3.1 Direct Profile Download by activation code",
	"3.2.3.1 Direct Profile Download from the default SM-DP+",
	"3.2.3.1 Direct Profile Download by SM-DS",
	"3.2.3.2 Indirect Profile Download by activation code",
	"3.2.3.2 Indirect Profile Download from the default SM-DP+",
	"3.2.3.2 Indirect Profile Download by SM-DS",
	"5.14.8 Cancel Session (SGP.22 section 3.0.2)",
	"5.9.15 Immediate Profile Enabling",
	"3.3.1 Generic eUICC Package Download and Execution",
	"3.4.1 Enable Profile",
	"5.9.16 Profile Rollback",
	"3.4.2 Disable Profile",
	"3.4.3 Delete Profile",
	"5.13.4 List Profile Information",
	"Get RAT (PSMO)",
	"5.13.6 Configure Immediate Enabling",
	"3.4.6 Set Fallback Attribute",
	"Unset Fallback Attribute (PSMO)",
	"Set Default SM-DP+ Address (PSMO)",
	"5.9.20, 5.9.21 Fallback and return from it",
	"5.9.22, 5.9.23 Emergency Profile",
	"3.5.2 Add Initial eIM",
	"Add eIM (eCO)",
	"Update eIM (eCO)",
	"Delete eIM (eCO)",
	"List eIM (eCO)",
	"Hand-over of a device to another eIM",
	"3.7 Notification Delivery to Notification Receivers",
	"5.9.5 eUICC Memory Reset",
	"3.8.4 IPAe Activation",
];
