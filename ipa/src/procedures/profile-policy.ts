export { type PolicyQuestion, policyObjection } from "@iot-esim/shared/security/profile-policy";
