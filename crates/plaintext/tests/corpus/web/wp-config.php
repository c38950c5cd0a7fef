<?php
define( 'DB_NAME', 'shop' );
define( 'DB_USER', 'shop' );
define( 'DB_PASSWORD', 'Dotter9Blume' );
define( 'DB_HOST', 'localhost' );
define('AUTH_KEY',         'k|8Zq-1x}Wn5+Lb7@Ty2%Kd9^Hs4');
define('SECURE_AUTH_SALT', 'p(3Vr!6c]Mx8*Jg0~Uf5=Ea2&Bw7');
define('NONCE_KEY',        'put your unique phrase here');
$table_prefix = 'wp_';
$config['smtp_password'] = 'Lerchen-Sporn1';
$password = $_POST['password'];
$token = getenv('TOKEN');
