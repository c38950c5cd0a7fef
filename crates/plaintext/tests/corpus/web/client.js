const apiKey = process.env.API_KEY;
const password = req.body.password;
const client = new Client({ token: "x9Lw4Kq7Zr2Vn5Tb8Ym1", retries: 3 });
const placeholder = { password: "Enter your password" };
axios.get(url, { headers: { Authorization: "Bearer " + token } });
const google = "%%google%%";
const label = t("login.password");
