<?php
/**
 * Plugin Name: pressrun views
 * Description: Tells pressrun which articles are read, for the trending section of the newsletter. Counts people, not editors, previews or robots; sets no cookie.
 * Version: 1.0
 * Requires at least: 5.7
 * Requires PHP: 7.4
 * License: MIT
 *
 * Put this file into wp-content/plugins (or wp-content/mu-plugins) and set the
 * address of pressrun in wp-config.php:
 *
 *     define( 'PRESSRUN_URL', 'https://press.example.org' );
 *
 * Page caches do no harm: the visit is reported by the reader's browser.
 */

defined( 'ABSPATH' ) || exit;

add_action(
	'wp_enqueue_scripts',
	static function () {
		if ( ! defined( 'PRESSRUN_URL' ) || ! is_singular( 'post' ) ) {
			return;
		}
		// Who can edit the post is at work, not reading.
		if ( is_preview() || is_customize_preview() || current_user_can( 'edit_posts' ) ) {
			return;
		}
		wp_enqueue_script( 'pressrun-views', untrailingslashit( PRESSRUN_URL ) . '/v1/view.js', array(), null, true );
	}
);

// currentScript is needed by the snippet, so it must not be made a module;
// async keeps it out of the way of the page.
add_filter(
	'script_loader_tag',
	static function ( $tag, $handle ) {
		return 'pressrun-views' === $handle ? str_replace( '<script ', '<script async ', $tag ) : $tag;
	},
	10,
	2
);

// Readers without JavaScript: a pixel in the page.
add_action(
	'wp_footer',
	static function () {
		if ( ! defined( 'PRESSRUN_URL' ) || ! is_singular( 'post' ) || is_preview() || current_user_can( 'edit_posts' ) ) {
			return;
		}
		printf(
			'<noscript><img src="%s" alt="" width="1" height="1" referrerpolicy="no-referrer-when-downgrade"></noscript>',
			esc_url( untrailingslashit( PRESSRUN_URL ) . '/v1/view.gif?u=' . rawurlencode( get_permalink() ) )
		);
	}
);
