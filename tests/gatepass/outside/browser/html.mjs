// Every rule of the preset but these.
export default {
  root: true,
  extends: ["html-validate:recommended"],
  rules: {
    // A button without a type submits its form, and every button of these pages does.
    "no-implicit-button-type": "off",
  },
};
